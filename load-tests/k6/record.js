// What customers are told, one JSON object a line of the console, which `--console-output` keeps:
// `cartwright-goose check` compares it with what there is.

function write(event, what) {
  console.log(JSON.stringify(Object.assign({ event }, what)));
}

export const registered = (email, password) => write('customer', { email, password });
// A change is about to be asked for. Without an answer after it, nobody knows what became of it.
export const asked = (email, what) => write('asked', { email, what });
export const refused = (email) => write('refused', { email });
// Lines by their ids: {id: {sku, quantity}}.
export const cart = (email, lines) => write('cart', { email, lines });
// Units by their SKUs, the total in minor units.
export const order = (email, id, units, total) => write('order', { email, id, units, total });
