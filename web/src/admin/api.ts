// The management API as functions. `GET /admin/v1/` of the server lists the same calls with what each needs.
import { fromAnswer } from '../shared/api/problem';
import { patientFetch } from '../shared/api/traffic.svelte';
import { key, shown } from './key';
import type {
  Account, Approvals, AuditRow, Change, HeldTemplates, KeyPair, Me, NetworkRules, NewAccount, Notice, Person, Principal,
  PersonReport, RetentionRow, Role, TokenReport, Usage, Verified,
} from './shapes';

const PREFIX = '/admin/v1';

interface Extra {
  body?: unknown;
  query?: Record<string, string | number | undefined>;
}

async function send(method: string, path: string, { body, query = {} }: Extra = {}): Promise<Response> {
  const address = new URL(`${PREFIX}/${path}`, location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') address.searchParams.set(name, String(value));
  }
  const headers = new Headers([shown(key.value)]);
  if (body !== undefined) headers.set('Content-Type', 'application/json');
  const request = new Request(address, {
    method,
    headers,
    cache: 'no-store',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await patientFetch(request);
  if (answer.ok) return answer;
  if (answer.status === 401 && key.value) key.refuse();
  throw fromAnswer(answer.status, await answer.json().catch(() => undefined));
}

async function ask<T>(method: string, path: string, extra?: Extra): Promise<T> {
  return (await (await send(method, path, extra)).json()) as T;
}

async function order(method: string, path: string, extra?: Extra): Promise<void> {
  await send(method, path, extra);
}

/** Whether the server takes this key; anything but "wrong key" is thrown. */
export async function isKeyRight(candidate: string): Promise<boolean> {
  const request = new Request(new URL(`${PREFIX}/me`, location.origin), {
    headers: [shown(candidate)],
    cache: 'no-store',
  });
  const answer = await patientFetch(request);
  if (answer.ok) return true;
  if (answer.status === 401) return false;
  throw fromAnswer(answer.status, await answer.json().catch(() => undefined));
}

const of = (id: string, rest = ''): string => `accounts/${encodeURIComponent(id)}${rest}`;

export const me = (): Promise<Me> => ask('GET', 'me');
export const accounts = (): Promise<Account[]> => ask('GET', 'accounts');
export const account = (id: string): Promise<Account> => ask('GET', of(id));
export const create = (body: NewAccount): Promise<Account & { keys: KeyPair }> => ask('POST', 'accounts', { body });
export const change = (id: string, body: Change): Promise<Account> => ask('PATCH', of(id), { body });
export const approve = (id: string, body: Approvals): Promise<Account> => ask('PUT', of(id, '/approvals'), { body });
export const close = (id: string, graceDays: number): Promise<void> =>
  order('POST', of(id, '/close'), { body: { graceDays } });
export const reopen = (id: string): Promise<Account> => ask('POST', of(id, '/reopen'), { body: {} });

export const keys = (id: string): Promise<KeyPair> => ask('POST', of(id, '/listKeys'), { body: {} });
export const regenerate = (id: string, keyName: 'Key1' | 'Key2'): Promise<KeyPair> =>
  ask('POST', of(id, '/regenerateKey'), { body: { keyName } });

export const network = (id: string, rules: NetworkRules): Promise<Account> => change(id, { network: rules });

interface Assign {
  issuer: string;
  principal: Principal;
  role: string;
}
export const assign = (id: string, body: Assign): Promise<Role> => ask('POST', of(id, '/roles'), { body });
export const unassign = (id: string, role: string): Promise<void> => order('DELETE', of(id, `/roles/${role}`));
export const rolesEverywhere = (): Promise<Role[]> => ask('GET', 'roles');
export const assignEverywhere = (body: Assign): Promise<Role> => ask('POST', 'roles', { body });
export const unassignEverywhere = (role: string): Promise<void> => order('DELETE', `roles/${role}`);

export const retentionTable = (): Promise<RetentionRow[]> => ask('GET', 'retention');

export const letIssue = (id: string, mayIssue: boolean): Promise<void> =>
  order('POST', of(id, '/vendor'), { body: { mayIssue } });
export const revokeToken = (id: string, token: string): Promise<void> =>
  order('POST', of(id, '/tokens/revoke'), { body: { token } });
export const revokeAll = (id: string): Promise<void> =>
  order('POST', of(id, '/tokens/revoke'), { body: { before: 'now' } });
export const tokens = (id: string, query: { from: string; to: string; events: string }): Promise<TokenReport> =>
  ask('GET', of(id, '/tokens/report'), { query });
export const block = (id: string, resourceId: string): Promise<void> =>
  order('PUT', of(id, '/blocked'), { body: { resourceId } });
export const unblock = (id: string, resourceId: string): Promise<void> =>
  order('DELETE', of(id, '/blocked'), { query: { resourceId } });
export const blockedEverywhere = (): Promise<string[]> => ask('GET', 'blocked');
export const recognisers = (): Promise<HeldTemplates[]> => ask('GET', 'recognisers');
export const blockEverywhere = (resourceId: string): Promise<void> => order('PUT', 'blocked', { body: { resourceId } });
export const unblockEverywhere = (resourceId: string): Promise<void> =>
  order('DELETE', 'blocked', { query: { resourceId } });
export const rotateSigningKey = (endFormer: boolean): Promise<{ keyId: string }> =>
  ask('POST', 'signingKeys/rotate', { body: { endFormer } });

export const putNotice = (id: string, language: string, body: Omit<Notice, 'language' | 'version'>): Promise<Notice> =>
  ask('PUT', of(id, `/notices/${encodeURIComponent(language)}`), { body });

export interface TrailQuery {
  after: number;
  top: number;
  from?: string | undefined;
  to?: string | undefined;
  action?: string | undefined;
}
/** A page of an account's trail; without an account, of the installation's own. */
export const trail = (id: string | undefined, query: TrailQuery): Promise<AuditRow[]> =>
  ask('GET', id === undefined ? 'audit' : of(id, '/audit'), { query: { ...query } });
export const verify = (id: string): Promise<Verified> => ask('GET', of(id, '/audit/verify'));
export const exportTrail = async (id: string): Promise<Blob> => (await send('GET', of(id, '/audit/export'))).blob();

export const usage = (id: string, query: { from: string; to: string }): Promise<Usage[]> =>
  ask('GET', of(id, '/usage'), { query });

export const reportPerson = (id: string, body: Person): Promise<PersonReport> =>
  ask('POST', of(id, '/persons/report'), { body });
export const erasePerson = (id: string, body: Person): Promise<PersonReport> =>
  ask('POST', of(id, '/persons/erase'), { body });
