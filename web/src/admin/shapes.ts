// What the management API takes and gives, out of its description.
import type { components } from '../api/admin';

type Shapes = components['schemas'];

export type Me = Shapes['Me'];
export type Account = Shapes['Account'];
export type NewAccount = Shapes['NewAccount'];
export type Change = Shapes['Change'];
export type Approvals = Shapes['Approvals'];
export type NetworkRules = Shapes['NetworkRules'];
export type NetworkRule = NetworkRules['rules'][number];
export type Principal = Shapes['Principal'];
export type Role = Shapes['Role'];
export type NewRole = Shapes['NewRole'];
export type RetentionRow = Shapes['RetentionRow'];
export type Encryption = Shapes['Encryption'];
export type Encryptions = Shapes['Encryptions'];
export type Notice = Shapes['Notice'];
export type KeyPair = Shapes['Keys'];
export type TokenReport = Shapes['TokenReport'];
export type AuditRow = Shapes['AuditRow'];
export type Verified = Shapes['Verified'];
export type Usage = Shapes['Usage'][number];
/** Templates of enrolled faces of one account by one recogniser. */
export type HeldTemplates = Shapes['Recognisers'][number];
/** Who is meant: everybody whom one of these fits. */
export type Person = Shapes['Person'];
export type PersonReport = Shapes['Held'];

/** What is set for liveness sessions. The server always says all of it. */
export type LivenessSettings = Required<Shapes['LivenessSettings']>;
export const settingsOf = (account: Account): LivenessSettings => account.liveness as LivenessSettings;
export type CaptureDevice = LivenessSettings['captureDevices'][number];

// The calls about liveness sessions, until the description has them: then this part goes, and the types come from there.

/** An attempt within a session, without its scores. */
export interface Attempt {
  /** From 1. */
  id: number;
  status: 'Running' | 'Succeeded' | 'Failed' | 'Canceled';
  startedAt: string;
  endedAt: string | null;
  /** Why there is no decision. */
  code: string | null;
  decision: 'realface' | 'spoofface' | 'uncertain' | null;
  assurance: string | null;
  policyVersion: string | null;
}

export interface LivenessSession {
  id: string;
  withVerify: boolean;
  mode: string;
  status: 'NotStarted' | 'Running' | 'Succeeded' | 'Failed' | 'Canceled';
  createdAt: string;
  expiresAt: string;
  tokenExpiresAt: string;
  noticeAcceptedAt: string | null;
  keepsImage: boolean;
  attempts: Attempt[];
}

/** Which of the two correlation ids. */
export type CorrelationOf = 'device' | 'user';

/** What is counted of a correlation id. The id itself is kept nowhere. */
export interface Correlation {
  /** Id of the record. */
  record: string;
  state: 'open' | 'closedByCount' | 'closedByHand';
  spoofs: number;
  failures: number;
  reason: string | null;
  expiresAt: string | null;
}

/** A key of a person's device, without the key. */
export type EnrolledKey = Shapes['EnrolledKey'];
/** One key by its record, or all of a person. */
export type KeyRemoval = Shapes['KeyRemoval'];

interface Answer<Status extends number, Body> {
  responses: { [status in Status]: { headers: Record<string, unknown>; content: Body extends undefined ? never : { 'application/json': Body } } };
}
interface OfAccount {
  path: { account: string };
}
interface Takes<Body> {
  requestBody: { content: { 'application/json': Body } };
}
interface Page {
  start?: string;
  top?: number;
}

export interface LivenessPaths {
  '/admin/v1/accounts/{account}/liveness/sessions': {
    get: { parameters: OfAccount & { query?: Page & { verify?: boolean } } } & Answer<200, LivenessSession[]>;
  };
  '/admin/v1/accounts/{account}/liveness/sessions/{id}': {
    delete: { parameters: { path: { account: string; id: string } } } & Answer<204, undefined>;
  };
  '/admin/v1/accounts/{account}/liveness/correlations': {
    get: { parameters: OfAccount & { query?: Page } } & Answer<200, Correlation[]>;
  };
  '/admin/v1/accounts/{account}/liveness/correlations/find': {
    post: { parameters: OfAccount } & Takes<{ of: CorrelationOf; id: string }> & Answer<200, Correlation>;
  };
  '/admin/v1/accounts/{account}/liveness/correlations/close': {
    post: { parameters: OfAccount } & Takes<{ of: CorrelationOf; id: string; reason: string }> & Answer<204, undefined>;
  };
  '/admin/v1/accounts/{account}/liveness/correlations/reopen': {
    post: { parameters: OfAccount } & Takes<{ record: string; reason: string }> & Answer<204, undefined>;
  };
}

/** What whoever opened the page may do with one account. */
export interface May {
  operate: boolean;
  manage: boolean;
  assignRoles: boolean;
  listKeys: boolean;
  readPersons: boolean;
  erasePersons: boolean;
}

export const FLAGS = ['Face.Identification', 'Face.Verification', 'LimitedAccess.HighRisk'] as const;
export const ATTRIBUTES = ['age', 'smile', 'facialHair', 'hair'] as const;
export const TIERS = ['F0', 'S0', 'E0', 'unlimited'] as const;
export const LONGEST_GRACE_DAYS = 30;

/** Names of roles as they are sent, shortest power first. */
export const ROLES = [
  'Cognitive Services Face Recognizer',
  'Cognitive Services Data Reader',
  'Cognitive Services User',
  'Cognitive Services Contributor',
  'Owner',
] as const;
