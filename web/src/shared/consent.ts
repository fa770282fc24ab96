// Consent before a camera starts. `openCamera` takes a `Consent`, and only a decision that is on record makes one, so a
// page cannot forget to ask.
import { decide, notice, type Disclosure } from './api/notice';
import { key } from './key.svelte';

declare const onRecord: unique symbol;
/** Proof that somebody agreed to the notice in force. */
export interface Consent {
  readonly [onRecord]: true;
}
const GIVEN = Object.freeze({}) as Consent;

/** Names this load of the page in the audit trail; nothing else about the person is kept. */
let session: string | undefined;
const thisSession = (): string => (session ??= crypto.randomUUID());

/** What was agreed to since the page was loaded. Another key is another account, with a notice of its own. */
const agreed = new Map<string, Disclosure>();
const nameOf = ({ language, digest }: Disclosure): string => JSON.stringify([key.value, language, digest]);

/** The consent there is already, or the notice to show first. */
export async function consentOrNotice(): Promise<Consent | Disclosure> {
  const inForce = await notice();
  return agreed.has(nameOf(inForce)) ? GIVEN : inForce;
}

export const isConsent = (found: Consent | Disclosure): found is Consent => found === GIVEN;

export async function agree(shown: Disclosure): Promise<Consent> {
  await decide(shown, 'granted', thisSession());
  agreed.set(nameOf(shown), shown);
  return GIVEN;
}

/** Takes back what was agreed to, or makes way for the next person, who has not been asked. */
export async function withdraw(): Promise<void> {
  // Of this key's account: it is the one whose trail tells of them.
  const all = [...agreed].filter(([name, shown]) => name === nameOf(shown)).map(([, shown]) => shown);
  // Whoever sits here now has agreed to nothing, with any key.
  agreed.clear();
  const visit = thisSession();
  // Whoever comes next is another visitor.
  session = undefined;
  // Each on its own: what became of one says nothing of the others.
  await Promise.allSettled(all.map((shown) => decide(shown, 'withdrawn', visit)));
}

export async function refuse(shown: Disclosure): Promise<void> {
  agreed.delete(nameOf(shown));
  await decide(shown, 'refused', thisSession());
}
