// The key of this page: the operator's, or one of an account. It has a place of its own in the tab's storage, so that
// the studio never works with the operator's key.
import { Key } from '../shared/keys.svelte';

export const key = new Key('likeness-admin-key');
