// The management API asked directly, to hold the page against.
import assert from 'node:assert/strict';
import { endpoint, operatorKey } from './browser.mjs';

export async function manage(method, path, body) {
  const answer = await fetch(`${endpoint}/admin/v1/${path}`, {
    method,
    headers: { 'Ocp-Apim-Subscription-Key': operatorKey, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** Makes an account that is approved for everything; answers with it and its keys. */
export const newAccount = (name, more = {}) =>
  manage('POST', 'accounts', {
    name,
    approvals: {
      flags: ['Face.Identification', 'Face.Verification', 'LimitedAccess.HighRisk'],
      attributes: ['age', 'smile', 'facialHair', 'hair'],
    },
    ...more,
  });

/** A limited access token of a vendor for a client's resource. */
export async function limitedToken(vendorKey, targetAzureResourceId, featureFlags) {
  const answer = await fetch(`${endpoint}/sts/v1.0/issueLimitedAccessToken`, {
    method: 'POST',
    headers: { 'Ocp-Apim-Subscription-Key': vendorKey, 'Content-Type': 'application/json' },
    body: JSON.stringify({ targetAzureResourceId, featureFlags }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `a token: ${answer.status} ${text}`);
  return text;
}

/** A call of the Face API with some key; answers with the status and the body. */
export async function call(key, method, path, body, more = {}) {
  const isPicture = Buffer.isBuffer(body);
  const answer = await fetch(`${endpoint}/face/v1.0/${path}`, {
    method,
    headers: {
      'Ocp-Apim-Subscription-Key': key,
      'Content-Type': isPicture ? 'application/octet-stream' : 'application/json',
      ...more,
    },
    ...(body === undefined ? {} : { body: isPicture ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : undefined };
}

/** What stands in an account's trail under an action. */
export const trail = (account, action) => manage('GET', `accounts/${account}/audit?action=${action}&top=1000`);
