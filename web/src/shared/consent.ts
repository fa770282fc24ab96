// Consent before a camera starts. `openCamera` takes a `Consent`, and only a decision that is on record makes one, so a
// page cannot forget to ask.
import type { Disclosure, Notices } from './api/notice';

declare const onRecord: unique symbol;
/** Proof that somebody agreed to the notice in force. */
export interface Consent {
  readonly [onRecord]: true;
}
const GIVEN = Object.freeze({}) as Consent;

export const isConsent = (found: Consent | Disclosure): found is Consent => found === GIVEN;

/** What an app server says of a session whose person it has asked itself. */
export const askedByAppServer = (session: { noticeAccepted: true }): Consent => {
  void session;
  return GIVEN;
};

/** The decisions of whoever sits before this page. */
export class Consents {
  /** Names this load of the page in the audit log; nothing else about the person is kept. */
  private session: string | undefined;
  /** What was agreed to since the page was loaded. */
  private readonly agreed = new Map<string, Disclosure>();

  /** `caller`: the key or token in use. Another one may be another account, with a notice of its own. */
  constructor(
    private readonly notices: Notices,
    private readonly caller: () => string,
  ) {}

  /** The consent there is already, or the notice to show first. */
  async consentOrNotice(): Promise<Consent | Disclosure> {
    const inForce = await this.notices.inForce();
    return this.agreed.has(this.nameOf(inForce)) ? GIVEN : inForce;
  }

  async agree(shown: Disclosure): Promise<Consent> {
    await this.notices.decide(shown, 'granted', this.thisSession());
    this.agreed.set(this.nameOf(shown), shown);
    return GIVEN;
  }

  /** Takes back what was agreed to, or makes way for the next person, who has not been asked. */
  async withdraw(): Promise<void> {
    // Of this key's account: it is the one whose audit log tells of them.
    const all = [...this.agreed].filter(([name, shown]) => name === this.nameOf(shown)).map(([, shown]) => shown);
    // Whoever sits here now has agreed to nothing, with any key.
    this.agreed.clear();
    const visit = this.thisSession();
    // Whoever comes next is another visitor.
    this.session = undefined;
    // Each on its own: what became of one says nothing of the others.
    await Promise.allSettled(all.map((shown) => this.notices.decide(shown, 'withdrawn', visit)));
  }

  async refuse(shown: Disclosure): Promise<void> {
    this.agreed.delete(this.nameOf(shown));
    await this.notices.decide(shown, 'refused', this.thisSession());
  }

  private thisSession(): string {
    return (this.session ??= crypto.randomUUID());
  }

  private nameOf({ language, digest }: Disclosure): string {
    return JSON.stringify([this.caller(), language, digest]);
  }
}
