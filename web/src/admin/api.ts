// The management API as functions. `GET /admin/v1/` of the server lists the same calls with what each needs.
import type { paths } from '../api/admin';
import { answered, clientOf, isTaken } from '../shared/api/client';
import type { Disclosure } from '../shared/api/notice';
import { header, key } from './key';
import type {
  Account, Approvals, AuditRow, Change, Correlation, CorrelationOf, Encryption, Encryptions, EnrolledKey, HeldTemplates, KeyPair, KeyRemoval, LivenessPaths, LivenessSession,
  LivenessSettings, Me, NetworkRules, NewAccount, NewRole, Notice, Person, PersonReport, RetentionRow, Role, TokenReport, Usage, Verified,
} from './shapes';

const client = clientOf<paths & LivenessPaths>({
  credentials: { key, header },
  repeatablePosts: /\/(listKeys|persons\/report|correlations\/find|keys\/find)$/,
});
/** For what is open to everybody: the notice below an account's own endpoint. */
const open = clientOf<paths>();

export const isKeyRight = (candidate: string): Promise<boolean> =>
  isTaken(client.GET('/admin/v1/me', { headers: Object.fromEntries([header(candidate)]) }));

/** The parameters of a call about one account. */
const of = (account: string) => ({ params: { path: { account } } });

/** For calls whose answer is empty. */
async function done(call: Promise<unknown>): Promise<void> {
  await call;
}

export const me = (): Promise<Me> => answered(client.GET('/admin/v1/me'));
export const accounts = (): Promise<Account[]> => answered(client.GET('/admin/v1/accounts'));
export const account = (id: string): Promise<Account> => answered(client.GET('/admin/v1/accounts/{account}', of(id)));
export const create = (body: NewAccount): Promise<Account & { keys: KeyPair }> =>
  answered(client.POST('/admin/v1/accounts', { body }));
export const change = (id: string, body: Change): Promise<Account> =>
  answered(client.PATCH('/admin/v1/accounts/{account}', { ...of(id), body }));
export const approve = (id: string, body: Approvals): Promise<Account> =>
  answered(client.PUT('/admin/v1/accounts/{account}/approvals', { ...of(id), body }));
export const close = (id: string, graceDays: number): Promise<void> =>
  done(client.POST('/admin/v1/accounts/{account}/close', { ...of(id), body: { graceDays } }));
export const reopen = (id: string): Promise<Account> =>
  answered(client.POST('/admin/v1/accounts/{account}/reopen', of(id)));

export const keys = (id: string): Promise<KeyPair> =>
  answered(client.POST('/admin/v1/accounts/{account}/listKeys', of(id)));
export const regenerate = (id: string, keyName: 'Key1' | 'Key2'): Promise<KeyPair> =>
  answered(client.POST('/admin/v1/accounts/{account}/regenerateKey', { ...of(id), body: { keyName } }));

export const encryption = (id: string): Promise<Encryption> =>
  answered(client.GET('/admin/v1/accounts/{account}/encryption', of(id)));
export const setEncryption = (id: string, provider: string): Promise<Encryption> =>
  answered(client.PUT('/admin/v1/accounts/{account}/encryption', { ...of(id), body: { provider } }));
export const enableEncryption = (id: string, isEnabled: boolean): Promise<Encryption> =>
  answered(
    isEnabled
      ? client.POST('/admin/v1/accounts/{account}/encryption/enable', of(id))
      : client.POST('/admin/v1/accounts/{account}/encryption/disable', of(id)),
  );
export const encryptions = (): Promise<Encryptions> => answered(client.GET('/admin/v1/encryption'));
export const rotateEncryption = (provider: string): Promise<{ version: number; wrapped: number }> =>
  answered(client.POST('/admin/v1/encryption/rotate', { body: { provider } }));

export const network = (id: string, rules: NetworkRules): Promise<Account> => change(id, { network: rules });

export const assign = (id: string, body: NewRole): Promise<Role> =>
  answered(client.POST('/admin/v1/accounts/{account}/roles', { ...of(id), body }));
export const unassign = (account: string, id: string): Promise<void> =>
  done(client.DELETE('/admin/v1/accounts/{account}/roles/{id}', { params: { path: { account, id } } }));
export const rolesEverywhere = (): Promise<Role[]> => answered(client.GET('/admin/v1/roles'));
export const assignEverywhere = (body: NewRole): Promise<Role> => answered(client.POST('/admin/v1/roles', { body }));
export const unassignEverywhere = (id: string): Promise<void> =>
  done(client.DELETE('/admin/v1/roles/{id}', { params: { path: { id } } }));

export const retentionTable = (): Promise<RetentionRow[]> => answered(client.GET('/admin/v1/retention'));

export const letIssue = (id: string, mayIssue: boolean): Promise<void> =>
  done(client.POST('/admin/v1/accounts/{account}/vendor', { ...of(id), body: { mayIssue } }));
export const revokeToken = (id: string, token: string): Promise<void> =>
  done(client.POST('/admin/v1/accounts/{account}/tokens/revoke', { ...of(id), body: { token } }));
export const revokeAll = (id: string): Promise<void> =>
  done(client.POST('/admin/v1/accounts/{account}/tokens/revoke', { ...of(id), body: { before: 'now' } }));
export const tokens = (account: string, query: { from: string; to: string; events: boolean }): Promise<TokenReport> =>
  answered(client.GET('/admin/v1/accounts/{account}/tokens/report', { params: { path: { account }, query } }));
export const block = (id: string, resourceId: string): Promise<void> =>
  done(client.PUT('/admin/v1/accounts/{account}/blocked', { ...of(id), body: { resourceId } }));
export const unblock = (account: string, resourceId: string): Promise<void> =>
  done(client.DELETE('/admin/v1/accounts/{account}/blocked', { params: { path: { account }, query: { resourceId } } }));
export const blockedEverywhere = (): Promise<string[]> => answered(client.GET('/admin/v1/blocked'));
export const recognisers = (): Promise<HeldTemplates[]> => answered(client.GET('/admin/v1/recognisers'));
export const blockEverywhere = (resourceId: string): Promise<void> =>
  done(client.PUT('/admin/v1/blocked', { body: { resourceId } }));
export const unblockEverywhere = (resourceId: string): Promise<void> =>
  done(client.DELETE('/admin/v1/blocked', { params: { query: { resourceId } } }));
export const rotateSigningKey = (endFormer: boolean): Promise<{ keyId: string }> =>
  answered(client.POST('/admin/v1/signingKeys/rotate', { body: { endFormer } }));

export const putNotice = (account: string, language: string, body: Omit<Notice, 'language' | 'version'>): Promise<Notice> =>
  answered(client.PUT('/admin/v1/accounts/{account}/notices/{language}', { params: { path: { account, language } }, body }));

/** The notice that people read, as a language has it now. `endpointPath` is that of the account. */
export const noticeInForce = (endpointPath: string, language: string): Promise<Disclosure> =>
  answered(open.GET('/notice', { baseUrl: location.origin + endpointPath, params: { query: { language } }, cache: 'no-store' }));

export const setLiveness = (id: string, liveness: Partial<LivenessSettings>): Promise<Account> => change(id, { liveness });
export const sessions = (account: string, query: { verify: boolean; start?: string; top: number }): Promise<LivenessSession[]> =>
  answered(client.GET('/admin/v1/accounts/{account}/liveness/sessions', { params: { path: { account }, query } }));
export const deleteSession = (account: string, id: string): Promise<void> =>
  done(client.DELETE('/admin/v1/accounts/{account}/liveness/sessions/{id}', { params: { path: { account, id } } }));
export const closedCorrelations = (account: string, query: { start?: string; top: number }): Promise<Correlation[]> =>
  answered(client.GET('/admin/v1/accounts/{account}/liveness/correlations', { params: { path: { account }, query } }));
export const findCorrelation = (id: string, body: { of: CorrelationOf; id: string }): Promise<Correlation> =>
  answered(client.POST('/admin/v1/accounts/{account}/liveness/correlations/find', { ...of(id), body }));
export const closeCorrelation = (id: string, body: { of: CorrelationOf; id: string; reason: string }): Promise<void> =>
  done(client.POST('/admin/v1/accounts/{account}/liveness/correlations/close', { ...of(id), body }));
export const reopenCorrelation = (id: string, body: { record: string; reason: string }): Promise<void> =>
  done(client.POST('/admin/v1/accounts/{account}/liveness/correlations/reopen', { ...of(id), body }));

export const enrolledKeys = (account: string, query: { start?: string; top: number }): Promise<EnrolledKey[]> =>
  answered(client.GET('/admin/v1/accounts/{account}/liveness/keys', { params: { path: { account }, query } }));
export const findKeys = (id: string, userCorrelationId: string): Promise<EnrolledKey[]> =>
  answered(client.POST('/admin/v1/accounts/{account}/liveness/keys/find', { ...of(id), body: { userCorrelationId } }));
export const removeKeys = (id: string, body: KeyRemoval): Promise<{ removed: number }> =>
  answered(client.POST('/admin/v1/accounts/{account}/liveness/keys/remove', { ...of(id), body }));

export interface TrailQuery {
  after: number;
  top: number;
  from?: string;
  to?: string;
  action?: string;
}
/** A page of an account's trail; without an account, of the installation's own. */
export const trail = (account: string | undefined, query: TrailQuery): Promise<AuditRow[]> =>
  account === undefined
    ? answered(client.GET('/admin/v1/audit', { params: { query } }))
    : answered(client.GET('/admin/v1/accounts/{account}/audit', { params: { path: { account }, query } }));
export const verify = (id: string): Promise<Verified> =>
  answered(client.GET('/admin/v1/accounts/{account}/audit/verify', of(id)));
export const exportTrail = (id: string): Promise<Blob> =>
  answered(client.GET('/admin/v1/accounts/{account}/audit/export', { ...of(id), parseAs: 'blob' }));

export const usage = (account: string, query: { from: string; to: string }): Promise<Usage[]> =>
  answered(client.GET('/admin/v1/accounts/{account}/usage', { params: { path: { account }, query } }));

export const reportPerson = (id: string, body: Person): Promise<PersonReport> =>
  answered(client.POST('/admin/v1/accounts/{account}/persons/report', { ...of(id), body }));
export const erasePerson = (id: string, body: Person): Promise<PersonReport> =>
  answered(client.POST('/admin/v1/accounts/{account}/persons/erase', { ...of(id), body }));
