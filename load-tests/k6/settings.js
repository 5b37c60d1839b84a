// What the environment says; load-tests/README.md explains it.

function number(name, fallback) {
  const value = Number(__ENV[name] || fallback);
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`${name} must be a whole number above 0`);
  }
  return value;
}

export const SCENARIO = __ENV.SCENARIO || 'mixed';
export const BASE_URL = (__ENV.BASE_URL || 'http://127.0.0.1:8080').replace(/\/$/, '');
export const USERS = number('USERS', 50);
// Visits a second, of all customers together.
export const RATE = number('RATE', 50);
// Seconds.
export const DURATION = number('DURATION', SCENARIO === 'soak' ? 600 : 60);
export const REGISTER_RATE = number('REGISTER_RATE', 20);
// Milliseconds.
export const P95 = number('P95', 500);
// Per cent.
export const ERRORS = number('ERRORS', 1);
// Visits, per cent, that may fail to begin at their time.
export const DROPPED = number('DROPPED', 1);

// What is bought: NDJSON, as `cartwright import` takes it. The path is seen from this file.
const goods = open(__ENV.GOODS || '../goods.ndjson')
  .split('\n')
  .filter((line) => line.trim())
  .map((line) => JSON.parse(line))
  .filter((record) => record.type === 'product' && record.stock);
// The SKU that everybody wants in a flash sale, and everything else.
export const FLASH = goods.find((item) => item.sku === 'LOAD-FLASH');
export const ORDINARY = goods.filter((item) => item !== FLASH);
if (!FLASH || ORDINARY.length === 0) {
  throw new Error('GOODS must have some products with stock, one of them with the SKU LOAD-FLASH');
}
