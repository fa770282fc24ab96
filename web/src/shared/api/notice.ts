// What the account tells people before their face is looked at, and what they decided.
import type { components, paths } from '../../api/admin';
import { key } from '../key.svelte';
import { answered, clientOf, subscriptionKey } from './client';

export type Disclosure = components['schemas']['NoticeInForce'];

export type Decision = components['schemas']['Decision']['decision'];

const client = clientOf<paths>({ credentials: { key, header: subscriptionKey } });

/** The notice in force, in the reader's language or the nearest there is. */
export const notice = (): Promise<Disclosure> =>
  answered(client.GET('/notice', { params: { query: { language: navigator.language } } }));

/** Puts a decision on record. */
export async function decide({ language, version, digest }: Disclosure, decision: Decision, session: string): Promise<void> {
  await client.POST('/notice/decision', {
    body: { language, version, digest, decision, session },
    // The reader may leave at once; the record is kept nevertheless.
    keepalive: true,
  });
}
