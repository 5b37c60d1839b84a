// One request, repeated with its key until it is answered, and the accounts that ask.

import http from 'k6/http';
import { sleep } from 'k6';
import exec from 'k6/execution';
import { BASE_URL } from './settings.js';
import * as record from './record.js';

const ATTEMPTS = 8;
// A token is renewed well before its 15 minutes are over.
const FRESH = 600 * 1000;
const PASSWORD = 'correct horse battery';

// A refusal for want of stock is an answer like others; what is answered otherwise has failed.
const done = http.expectedStatuses({ min: 200, max: 299 });
const doneOrRefused = http.expectedStatuses({ min: 200, max: 299 }, 400);

// The answer: `{ isDone, isRefused, body }`; neither done nor refused, nobody knows what became of
// it. `request`: method, path below /api/v1, name for reports, and optionally token, key, body.
export function ask(request) {
  const headers = { 'Content-Type': 'application/json' };
  if (request.token) headers.Authorization = `Bearer ${request.token}`;
  if (request.key) headers['Idempotency-Key'] = request.key;
  const params = {
    headers,
    timeout: '10s',
    tags: { name: request.name },
    responseCallback: request.key ? doneOrRefused : done,
  };
  const body = request.body ? JSON.stringify(request.body) : null;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const response = http.request(request.method, `${BASE_URL}/api/v1${request.path}`, body, params);
    if (response.status !== 0 && response.status !== 429 && response.status !== 503) {
      const isDone = response.status >= 200 && response.status < 300;
      const answer = response.body ? response.json() : null;
      const code = isDone ? null : answer && answer.error && answer.error.code;
      return { isDone, isRefused: !isDone, status: response.status, code, body: answer };
    }
    sleep(1);
  }
  return { isDone: false, isRefused: false, status: 0, code: null, body: null };
}

export function get(name, path, token) {
  return ask({ method: 'GET', name, path, token });
}

function session(email, answer) {
  if (!answer.isDone) exec.test.abort(`${email} was answered ${answer.status} ${answer.code}`);
  const { access_token: token, refresh_token: refresh } = answer.body.data;
  return { email, token, refresh, since: Date.now() };
}

// Somebody new, under a name that no other run has.
export function register(email) {
  const body = { email, password: PASSWORD, first_name: 'Load', last_name: 'Test' };
  const answer = ask({ method: 'POST', name: 'POST auth/register', path: '/auth/register', body });
  record.registered(email, PASSWORD);
  return session(email, answer);
}

// The same session, with tokens that are good for a while.
export function fresh(old) {
  if (Date.now() - old.since < FRESH) return old;
  const body = { refresh_token: old.refresh };
  const answer = ask({ method: 'POST', name: 'POST auth/refresh', path: '/auth/refresh', body });
  return session(old.email, answer);
}
