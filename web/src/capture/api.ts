// What the page asks the server besides the capture itself: whose check it is, and the token of a link.
import type { NewKey } from './device-key';
import { fieldsOf, type Fields, type Refusal } from './protocol/messages';
import { refusalOf } from './protocol/requests';

export interface Branding {
  name?: string;
  /** A picture as a data URL, or a path on this server. */
  logo?: string;
  /** `#rrggbb` */
  colour?: string;
}

/** What an operator offers to people who cannot or do not want to use the camera. */
export interface Alternative {
  text: string;
  url?: string;
}

/** What there is to know of a check before it begins. */
export interface About {
  branding: Branding;
  alternative?: Alternative;
  /** Whether the session also compares with a reference. */
  verify: boolean;
  /** Whether the device has to bring that reference. */
  expectsReference: boolean;
  /** Whether the app server wants this device to be remembered, if the person wants it too. */
  enrolKey: boolean;
  /** Whether somebody would like to keep a recording. */
  recording: boolean;
  /** Whether the app server has shown the notice and asked itself. */
  noticeAccepted: boolean;
}

/** How the page comes by its session. */
export interface Entry {
  /** Uses nothing up. */
  about(): Promise<About>;
  /** The liveness token. For a link, this is what uses it. */
  begin(): Promise<string>;
}

/** The server said no, in the form of the protocol's `error`. */
export class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.code);
  }
}

export class Unreachable extends Error {}

interface Call {
  token?: string;
  body?: object;
  /** Codes of this page for statuses that mean something else here than elsewhere. */
  codes?: Record<number, string>;
}

async function call(path: string, { token, body, codes = {} }: Call): Promise<Fields> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method: body ? 'POST' : 'GET',
      headers: {
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...(body ? { 'Content-Type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      cache: 'no-store',
    });
  } catch {
    throw new Unreachable();
  }
  const answered: unknown = await answer.json().catch(() => undefined);
  if (answer.ok) {
    // Networks that ask for a log-in answer 200 with a page of their own.
    if (typeof answered !== 'object' || answered === null) throw new Unreachable();
    return fieldsOf(answered);
  }
  const refusal = refusalOf(answer.status, answer.headers.get('Retry-After'), answered) as Refusal;
  throw new Refused({ ...refusal, code: codes[answer.status] ?? refusal.code });
}

/** Brings a new key of this device; whether the server took it, not what came of it. */
export async function bringKey(token: string, attemptId: number, key: NewKey): Promise<boolean> {
  const answer = await fetch('/face/v1.2/session/key', {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ attemptId, ...key }),
    cache: 'no-store',
  }).catch(() => undefined);
  return answer?.status === 204;
}

const LINK_CODES = { 400: 'CallbackRefused', 404: 'LinkGone', 410: 'LinkUsed' };

/** Where what a link gave is kept, for this browser tab only. */
const placeOf = (link: string): string => `likeness-link-${link}`;

/** Some browsers forbid storage altogether; a reload then cannot go on. */
function withStorage<T>(use: (storage: Storage) => T): T | undefined {
  try {
    return use(sessionStorage);
  } catch {
    return undefined;
  }
}

/** A check that was sent as a link. A reload of the page goes on with what the link gave. */
export function linkEntry(link: string, callbackUrl: string | undefined): Entry {
  const begun = (): Fields | undefined => {
    const kept = withStorage((storage) => storage.getItem(placeOf(link)));
    return kept ? fieldsOf(JSON.parse(kept)) : undefined;
  };
  return {
    async about() {
      const query = new URLSearchParams({ s: link, ...(callbackUrl ? { callbackUrl } : {}) });
      const kept = begun();
      if (kept) return aboutOf(kept);
      const told = await call(`/api/quicklink/about?${query}`, { codes: LINK_CODES });
      if (callbackUrl && told['callbackAllowed'] === false) {
        throw new Refused({ type: 'error', code: 'CallbackRefused', message: '', mayRetry: false, retryAfterSeconds: undefined });
      }
      return aboutOf(told);
    },
    async begin() {
      const given = begun() ?? (await call('/api/quicklink/begin', { body: { link }, codes: LINK_CODES }));
      withStorage((storage) => storage.setItem(placeOf(link), JSON.stringify(given)));
      return String(given['token']);
    },
  };
}

/** The link has served; nothing of it stays in this browser. */
export const forgetLink = (link: string): void => withStorage((storage) => storage.removeItem(placeOf(link)));

/** A check whose token the page around this one, or its reader, brought. */
export const tokenEntry = (token: string): Entry => ({
  about: async () => aboutOf(await call('/api/quicklink/about', { token })),
  begin: () => Promise.resolve(token),
});

function aboutOf(fields: Fields): About {
  const branding = fieldsOf(fields['branding'] ?? {});
  const alternative = fields['alternative'] ? fieldsOf(fields['alternative']) : undefined;
  const name = textIn(branding, 'name');
  const logo = textIn(branding, 'logo');
  const colour = textIn(branding, 'colour');
  const text = textIn(alternative ?? {}, 'text');
  const url = textIn(alternative ?? {}, 'url');
  return {
    branding: {
      ...(name ? { name } : {}),
      // From this server or in the page; the policy of the page forbids the rest anyway.
      ...(logo && /^(data:image\/|\/(?!\/))/.test(logo) ? { logo } : {}),
      ...(colour && /^#[0-9a-f]{6}$/i.test(colour) ? { colour } : {}),
    },
    ...(text ? { alternative: { text, ...(url && isWebAddress(url) ? { url } : {}) } } : {}),
    verify: fields['verify'] === true,
    expectsReference: fields['expectsReference'] === true,
    enrolKey: fields['enrolKey'] === true,
    recording: fields['recording'] === true,
    noticeAccepted: fields['noticeAccepted'] === true,
  };
}

function textIn(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Whether an address may be followed; `javascript:` and the like may not. */
export function isWebAddress(address: string): boolean {
  try {
    const { protocol } = new URL(address);
    return protocol === 'https:' || protocol === 'http:';
  } catch {
    return false;
  }
}
