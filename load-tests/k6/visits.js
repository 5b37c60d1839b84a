// What a customer comes for. Each answer is judged by its body.

import { check } from 'k6';
import { get } from './api.js';
import { isSame } from './expect.js';
import { FLASH, ORDINARY } from './settings.js';

const PAGE = 20;
// A cart with more lines is emptied line by line.
const FULL = 4;

// Pages that the list of products had when last seen.
let pages = 1;

const between = (least, most) => least + Math.floor(Math.random() * (most - least + 1));
const anyOf = (list) => list[between(0, list.length - 1)];

// A page of the list, a search, a product.
export function browse() {
  const page = between(1, pages);
  const list = get('GET products', `/catalog/products?page=${page}&page_size=${PAGE}`);
  const isPage = check(list, {
    'a page holds what its meta says': ({ isDone, body }) => {
      const rest = isDone && Math.max(body.meta.total_items - (page - 1) * PAGE, 0);
      return isDone && body.meta.page === page && body.data.length === Math.min(rest, PAGE);
    },
  });
  if (!isPage || list.body.data.length === 0) return;
  pages = Math.max(list.body.meta.total_pages, 1);
  const product = anyOf(list.body.data);
  const word = product.name.split(' ').find((part) => /^[A-Za-z]{3,}$/.test(part));
  if (word) search(word);
  const shown = get('GET products/:id', `/catalog/products/${product.id}`);
  const isListed = (field) => isSame(shown.body.data[field], product[field]);
  check(shown, {
    'a product is as it was listed': ({ isDone }) =>
      isDone && ['id', 'sku', 'name', 'base_price', 'SalePrice'].every(isListed),
  });
}

function search(word) {
  const hits = get('GET products?keyword', `/catalog/products?keyword=${word}`);
  const hasWord = ({ name, description }) =>
    `${name} ${description}`.toLowerCase().includes(word.toLowerCase());
  check(hits, {
    'what is found has the word': ({ isDone, body }) =>
      isDone && body.data.length > 0 && body.data.every(hasWord),
  });
}

// A line is added, changed, and perhaps removed.
export function fillCart(customer) {
  const line = customer.add(anyOf(ORDINARY), between(1, 3));
  if (line) {
    customer.set(line, between(4, 9));
    const isRemoved = Object.keys(customer.cart).length > FULL || Math.random() < 0.5;
    if (isRemoved && !customer.isLost) customer.remove(line);
  }
  if (!customer.isLost) customer.look();
}

// A line is added, and the cart ordered.
export function checkOut(customer) {
  customer.add(anyOf(ORDINARY), between(1, 3));
  buy(customer);
}

// One unit of the SKU that everybody wants is ordered, while there are any.
export function snatch(customer) {
  if (customer.add(FLASH, 1)) buy(customer);
}

function buy(customer) {
  if (customer.isLost || Object.keys(customer.cart).length === 0) return;
  const order = customer.order();
  if (customer.isLost) return;
  if (!order) {
    // Somebody else was faster.
    customer.empty();
    return;
  }
  customer.look();
  const shown = get('GET orders/:id', `/orders/${order.id}`, customer.session.token);
  const isOrdered = (field) => isSame(shown.body.data[field], order[field]);
  check(shown, {
    'an order is shown as it was placed': ({ isDone }) =>
      isDone && ['id', 'order_number', 'items', 'total'].every(isOrdered),
  });
}
