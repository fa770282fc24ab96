// The one way to call this server: a client typed by one of the server's own descriptions. Its address, the key, the
// patience with a busy server and the errors are dealt with here: whoever calls gets the answer, or a `Problem` is thrown.
import createClient, { type Client, type Middleware } from 'openapi-fetch';
import { fromAnswer, Problem } from './problem';
import { patientFetch } from './traffic.svelte';

/** A request header: its name and its value. */
type Header = [name: string, value: string];

/** A key or a token; empty while there is none. */
interface Presented {
  readonly value: string;
  /** The server no longer takes it. */
  refuse(): void;
}

/** What a client presents with each request. */
export interface Credentials {
  key: Presented;
  /** The header that carries a key or a token. */
  header: (value: string) => Header;
}

export const subscriptionKey = (value: string): Header => ['Ocp-Apim-Subscription-Key', value];
export const bearer = (value: string): Header => ['Authorization', `Bearer ${value}`];

interface ClientOptions {
  /** Without credentials only what is open to everybody can be called. */
  credentials?: Credentials;
  /** Paths of POST calls that write nothing, or the same however often they are made. */
  repeatablePosts?: RegExp;
}

/** A client for the calls of one description, given as its generated type `paths`. */
export function clientOf<Paths extends object>({ credentials, repeatablePosts }: ClientOptions = {}): Client<Paths> {
  const client = createClient<Paths>({
    baseUrl: location.origin,
    fetch: (request) => patientFetch(request, mayRepeat(request, repeatablePosts)),
    // Answers are about people and accounts; without credentials they are about nobody.
    cache: credentials ? 'no-store' : 'default',
  });
  client.use(refusing(repeatablePosts));
  // Sees an answer first: the last one does.
  if (credentials) client.use(presenting(credentials));
  return client;
}

/** A write that was answered with 503 may have been committed: only what can be repeated without harm is repeated. */
function mayRepeat({ method, url }: Request, repeatablePosts: RegExp | undefined): boolean {
  return method !== 'POST' || (repeatablePosts?.test(new URL(url).pathname) ?? false);
}

/** Makes a `Problem` of every refusal. */
const refusing = (repeatablePosts: RegExp | undefined): Middleware => ({
  async onResponse({ request, response }) {
    if (response.ok) return;
    const body: unknown = await response.json().catch(() => undefined);
    throw fromAnswer(response.status, body, mayRepeat(request, repeatablePosts));
  },
});

/** Sends the key of the page, unless a request brings another to be tried. A key that is refused is forgotten. */
const presenting = ({ key, header }: Credentials): Middleware => ({
  onRequest({ request }) {
    const isTrial = request.headers.has('Authorization') || request.headers.has('Ocp-Apim-Subscription-Key');
    if (key.value && !isTrial) request.headers.set(...header(key.value));
  },
  onResponse({ request, response }) {
    if (response.status !== 401 || !key.value) return;
    const [name, value] = header(key.value);
    // An answer to a former key says nothing about the one in use.
    if (request.headers.get(name) === value) key.refuse();
  },
});

/** The data of an answer. */
export async function answered<T>(call: Promise<{ data?: T }>): Promise<T> {
  // Refusals are thrown before. An empty answer is success for many calls; their T is undefined or unused.
  return (await call).data as T;
}

/** Whether the server takes the key that a call tries; anything but "wrong key" is thrown. */
export async function isTaken(trial: Promise<unknown>): Promise<boolean> {
  try {
    await trial;
    return true;
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.status === 401) return false;
    throw thrown;
  }
}
