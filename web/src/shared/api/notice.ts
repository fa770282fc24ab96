// What the account tells people before their face is looked at, and what they decided.
import type { components, paths } from '../../api/admin';
import { answered, clientOf, type Credentials } from './client';

export type Disclosure = components['schemas']['NoticeInForce'];

export type Decision = components['schemas']['Decision']['decision'];

/** The notices of one account, as whoever holds these credentials may read and answer them. */
export interface Notices {
  /** The notice in force, in the reader's language or the nearest there is. */
  inForce(): Promise<Disclosure>;
  /** Puts a decision on record. */
  decide(shown: Disclosure, decision: Decision, session: string): Promise<void>;
}

/** `language` is what the reader reads, as a BCP 47 tag. */
export function noticesFor(credentials: Credentials, language: () => string = () => navigator.language): Notices {
  const client = clientOf<paths>({ credentials });
  return {
    inForce: () => answered(client.GET('/notice', { params: { query: { language: language() } } })),
    async decide({ language, version, digest }, decision, session) {
      await client.POST('/notice/decision', {
        body: { language, version, digest, decision, session },
        // The reader may leave at once; the record is kept nevertheless.
        keepalive: true,
      });
    },
  };
}
