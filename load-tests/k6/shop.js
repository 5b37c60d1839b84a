// Has customers shop: `k6 run -e SCENARIO=mixed shop.js`. load-tests/README.md says how, and how it
// is checked afterwards that nothing was lost.

import exec from 'k6/execution';
import { sleep } from 'k6';
import { register } from './api.js';
import { Customer } from './customer.js';
import * as settings from './settings.js';
import { browse, checkOut, fillCart, snatch } from './visits.js';

const { SCENARIO, USERS, RATE, DURATION, REGISTER_RATE, P95, ERRORS, DROPPED } = settings;

const MIXED = [[90, browse], [8, fillCart], [2, checkOut]];
// Visits, and how many of a hundred are of each kind.
const VISITS = {
  browse: [[100, browse]],
  cart: [[100, fillCart]],
  checkout: [[100, checkOut]],
  flash: [[100, snatch]],
  mixed: MIXED,
  soak: MIXED,
  spike: MIXED,
};
if (!VISITS[SCENARIO]) throw new Error(`SCENARIO must be one of ${Object.keys(VISITS).join(', ')}`);

// Visits begin at their rate, whether or not earlier ones have ended, while there are customers.
function executor() {
  const customers = { preAllocatedVUs: USERS, maxVUs: USERS, gracefulStop: '90s' };
  if (SCENARIO !== 'spike') {
    const rate = { executor: 'constant-arrival-rate', rate: RATE, duration: `${DURATION}s` };
    return Object.assign(rate, customers);
  }
  const third = `${Math.ceil(DURATION / 3)}s`;
  const stages = [
    { target: RATE, duration: third },
    { target: RATE * 5, duration: '1s' },
    { target: RATE * 5, duration: third },
    { target: RATE, duration: '1s' },
    { target: RATE, duration: third },
  ];
  return Object.assign({ executor: 'ramping-arrival-rate', startRate: RATE, stages }, customers);
}

export const options = {
  scenarios: { [SCENARIO]: executor() },
  setupTimeout: `${Math.ceil(USERS / REGISTER_RATE) + 60}s`,
  thresholds: {
    checks: ['rate==1'],
    // Of visits, not of registering, where a password is hashed.
    [`http_req_failed{scenario:${SCENARIO}}`]: [`rate<${ERRORS / 100}`],
    [`http_req_duration{scenario:${SCENARIO}}`]: [`p(95)<${P95}`],
    // Visits that could not begin, because every customer was still at another.
    dropped_iterations: [`rate<${(RATE * DROPPED) / 100}`],
  },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
};

// Registers everybody, at most so many a second.
export function setup() {
  const run = `${Date.now().toString(36)}${Math.floor(Math.random() * 1e9).toString(36)}`;
  const sessions = [];
  while (sessions.length < USERS) {
    const begun = Date.now();
    sessions.push(register(`load-${run}-${sessions.length}@example.com`));
    sleep(Math.max(0, 1 / REGISTER_RATE - (Date.now() - begun) / 1000));
  }
  return sessions;
}

let customer;

export default function visit(sessions) {
  customer = customer || new Customer(sessions[exec.vu.idInTest - 1]);
  let drawn = Math.random() * 100;
  const [, come] = VISITS[SCENARIO].find(([share]) => (drawn -= share) < 0) || VISITS[SCENARIO][0];
  if (come === browse) {
    browse();
  } else if (!customer.isLost) {
    customer.arrive();
    come(customer);
  }
}
