// What carts and orders that are shown must be: exactly what was asked for, and sums that add up.

// The lines that a cart or an order shows, by their ids: {id: {sku, quantity}}.
export function linesOf(shown) {
  const lines = {};
  for (const item of shown.items) lines[item.id] = { sku: item.sku, quantity: item.quantity };
  return lines;
}

export function unitsOf(lines) {
  const units = {};
  for (const { sku, quantity } of Object.values(lines)) units[sku] = (units[sku] || 0) + quantity;
  return units;
}

// Whether two objects of numbers, or of objects of such, are the same whatever their order.
export function isSame(one, other) {
  if (one === null || other === null || typeof one !== 'object' || typeof other !== 'object') {
    return one === other;
  }
  const [names, others] = [Object.keys(one), Object.keys(other)];
  return names.length === others.length && names.every((name) => isSame(one[name], other[name]));
}

// What a cart is with so many units of a SKU added: `shown` tells the id of a line that is new.
export function withAdded(before, sku, quantity, shown) {
  const after = Object.assign({}, before);
  const there = Object.keys(before).find((id) => before[id].sku === sku);
  const id = there || Object.keys(shown).find((line) => !(line in before));
  after[id] = { sku, quantity: quantity + (there ? before[there].quantity : 0) };
  return after;
}

// Whether each total of an order is the sum of its lines, and the last one of the others.
export function addsUp(order) {
  const sums = { subtotal: 0, discount_total: 0, tax_total: 0 };
  let total = order.shipping_total.amount;
  for (const item of order.items) {
    const gross = item.unit_price.amount * item.quantity;
    const [discount, tax] = [item.discount_amount.amount, item.tax_amount.amount];
    if (item.total.amount !== gross - discount + tax) return false;
    sums.subtotal += gross;
    sums.discount_total += discount;
    sums.tax_total += tax;
    total += item.total.amount;
  }
  const areSums = Object.keys(sums).every((name) => order[name].amount === sums[name]);
  return areSums && order.total.amount === total;
}
