// The key of this page: the operator's, or one of an account. It has a place of its own in the tab's storage, so that
// the studio never works with the operator's key.
import { subscriptionKey } from '../shared/api/client';
import { Key } from '../shared/keys.svelte';

export const key = new Key('likeness-admin-key');

/** The header that carries it: a token of an identity provider goes elsewhere than a key. */
export function header(value: string): [name: string, value: string] {
  const isToken = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(value);
  return isToken ? ['Authorization', `Bearer ${value}`] : subscriptionKey(value);
}
