// What the account tells people before their face is looked at, and what they decided.
import type { components } from '../../api/admin';
import { key } from '../key.svelte';
import { fromAnswer } from './problem';
import { patientFetch } from './traffic.svelte';

export type Disclosure = components['schemas']['NoticeInForce'];

export type Decision = components['schemas']['Decision']['decision'];

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('Ocp-Apim-Subscription-Key', key.value);
  const answer = await patientFetch(new Request(new URL(path, location.origin), { ...init, headers, cache: 'no-store' }));
  if (answer.ok) return answer;
  if (answer.status === 401 && key.value) key.refuse();
  throw fromAnswer(answer.status, await answer.json().catch(() => undefined));
}

/** The notice in force, in the reader's language or the nearest there is. */
export async function notice(): Promise<Disclosure> {
  const answer = await call(`/notice?language=${encodeURIComponent(navigator.language)}`);
  return (await answer.json()) as Disclosure;
}

/** Puts a decision on record. */
export async function decide({ language, version, digest }: Disclosure, decision: Decision, session: string): Promise<void> {
  await call('/notice/decision', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ language, version, digest, decision, session }),
    // The reader may leave at once; the record is kept nevertheless.
    keepalive: true,
  });
}
