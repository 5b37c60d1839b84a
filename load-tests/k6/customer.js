// A customer, who knows what the cart must be, and writes down what was told. There is one of them
// to each of k6's virtual users.

import { check } from 'k6';
import { ask, fresh, get, register } from './api.js';
import { addsUp, isSame, linesOf, unitsOf, withAdded } from './expect.js';
import * as record from './record.js';

// A customer may have 1,000 keys a day; one who has used so many comes back as somebody else.
const KEYS = 900;

const ADDRESS = {
  first_name: 'Load',
  last_name: 'Test',
  address1: '123 Main St',
  city: 'New York',
  state: 'NY',
  postal_code: '10001',
  country: 'US',
};

export class Customer {
  constructor(session) {
    this.session = session;
    this.cart = {};
    this.keys = 0;
    this.returns = 0;
    // A change was never answered: this customer changes nothing any more.
    this.isLost = false;
  }

  // Comes for the next visit: with tokens that count, and keys to spare.
  arrive() {
    if (this.keys > KEYS) {
      this.returns += 1;
      this.session = register(this.session.email.replace(/(-r\d+)?@/, `-r${this.returns}@`));
      this.cart = {};
      this.keys = 0;
    }
    this.session = fresh(this.session);
  }

  // Adds to the cart. Returns the id of the line, if there was enough of it.
  add(item, quantity) {
    const answer = this.change('cart', 'POST', 'POST cart/items', '/cart/items', {
      product_id: item.id,
      quantity,
    });
    if (!answer.isDone) return null;
    const shown = linesOf(answer.body.data);
    this.isShown(shown, withAdded(this.cart, item.sku, quantity, shown));
    return Object.keys(shown).find((id) => shown[id].sku === item.sku);
  }

  // Sets the quantity of a line, if there is enough of it.
  set(line, quantity) {
    const path = `/cart/items/${line}`;
    const answer = this.change('cart', 'PATCH', 'PATCH cart/items/:id', path, { quantity });
    if (!answer.isDone) return;
    const changed = { [line]: Object.assign({}, this.cart[line], { quantity }) };
    this.isShown(linesOf(answer.body.data), Object.assign({}, this.cart, changed));
  }

  remove(line) {
    const path = `/cart/items/${line}`;
    const answer = this.change('cart', 'DELETE', 'DELETE cart/items/:id', path);
    if (!answer.isDone) return;
    const expected = Object.assign({}, this.cart);
    delete expected[line];
    this.isShown(linesOf(answer.body.data), expected);
  }

  empty() {
    Object.keys(this.cart).forEach((line) => this.remove(line));
  }

  // Orders the cart. Returns the order, if there was enough of everything.
  order() {
    const answer = this.change('order', 'POST', 'POST orders', '/orders', {
      shipping_address: ADDRESS,
      payment_method_id: 'pm_load',
    });
    if (!answer.isDone) return null;
    const order = answer.body.data;
    const units = unitsOf(linesOf(order));
    record.order(this.session.email, order.id, units, order.total.amount);
    check(order, {
      'the order is of exactly the cart': () => isSame(units, unitsOf(this.cart)),
      'the totals of the order add up': addsUp,
    });
    this.cart = {};
    return order;
  }

  // Looks at the cart, which must be what it was when it was last changed.
  look() {
    const answer = get('GET cart', '/cart', this.session.token);
    check(answer, {
      'the cart is as it was left': ({ isDone, body }) =>
        isDone && isSame(linesOf(body.data), this.cart),
    });
  }

  // Asks for a change under a new key.
  change(what, method, name, path, body) {
    this.keys += 1;
    const { email, token } = this.session;
    record.asked(email, what);
    this.isLost = true;
    const answer = ask({ method, name, path, token, body, key: String(this.keys) });
    this.isLost = !answer.isDone && !answer.isRefused;
    if (answer.isRefused) record.refused(email);
    check(answer, {
      'a change is done, or refused for want of stock': ({ isDone, code }) =>
        isDone || code === 'out_of_stock',
    });
    return answer;
  }

  // Notes the cart that a change has made, and judges it.
  isShown(lines, expected) {
    this.cart = lines;
    record.cart(this.session.email, lines);
    check(lines, { 'the cart is changed as asked, and not else': () => isSame(lines, expected) });
  }
}
