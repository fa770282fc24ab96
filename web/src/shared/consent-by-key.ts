// Decisions on the notices of the account whose key the page has. Apart from `consent.ts`, because a page in a frame may
// have no storage for a key.
import { subscriptionKey } from './api/client';
import { noticesFor } from './api/notice';
import { Consents } from './consent';
import { key } from './key.svelte';

export const consents = new Consents(noticesFor({ key, header: subscriptionKey }), () => key.value);
