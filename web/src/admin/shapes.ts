// What the management API takes and gives.

export interface Me {
  kind: 'operator' | 'key' | 'person';
  isOperator: boolean;
  accounts: { id: string; name: string; resourceId: string; mayManage: boolean; mayAssignRoles: boolean; mayListKeys: boolean }[];
}

/** What whoever opened the page may do with one account. */
export interface May {
  operate: boolean;
  manage: boolean;
  assignRoles: boolean;
  listKeys: boolean;
}

export const FLAGS = ['Face.Identification', 'Face.Verification', 'LimitedAccess.HighRisk'] as const;
export const ATTRIBUTES = ['age', 'smile', 'facialHair', 'hair'] as const;
export const TIERS = ['F0', 'S0', 'E0', 'unlimited'] as const;
export const LONGEST_GRACE_DAYS = 30;

export interface Approvals {
  flags: (typeof FLAGS)[number][];
  attributes: (typeof ATTRIBUTES)[number][];
}

export type NetworkRule = { address: string } | { subnet: string };
export interface NetworkRules {
  defaultAction: 'Allow' | 'Deny';
  rules: NetworkRule[];
}

export type Principal = { subject: string } | { group: string } | { appRole: string };
export interface Role {
  id: string;
  issuer: string;
  principal: Principal;
  role: string;
}
/** Names of roles as they are sent, shortest power first. */
export const ROLES = [
  'Cognitive Services Face Recognizer',
  'Cognitive Services Data Reader',
  'Cognitive Services User',
  'Cognitive Services Contributor',
  'Owner',
] as const;

export interface Life {
  seconds: number;
  longest: number;
  shortest: number;
  isSet: boolean;
}
export interface RetentionRow {
  key: string;
  data: string;
  stored: string;
  life: string;
  endedBy: string;
  kept: string | null;
}

export interface Notice {
  language: string;
  version: number;
  text: string;
  controller: string;
  processor: string;
}

export interface Account {
  id: string;
  name: string;
  resourceId: string;
  location: string;
  tier: string | null;
  tierInForce: string;
  subdomain: string | null;
  endpointPath: string | null;
  createdAt: string;
  state: 'open' | 'closed';
  closedAt: string | null;
  endsAt: string | null;
  localAuth: boolean;
  approvals: Approvals;
  network: NetworkRules;
  retention: Record<string, Life>;
  vendor: { mayIssue: boolean; notBefore: number | null; blocked: string[] };
  roles: Role[];
  notices: Notice[];
  version: number;
}

export interface KeyPair {
  key1?: string;
  key2?: string;
}

export interface NewAccount {
  name: string;
  subscription?: string;
  resourceGroup?: string;
  location?: string;
  tier?: string;
  subdomain?: string;
  approvals?: Approvals;
  mayIssue?: boolean;
}

export interface Change {
  tier?: string | null;
  subdomain?: string | null;
  location?: string;
  localAuth?: boolean;
  network?: NetworkRules;
  retention?: Record<string, number | null>;
}

export interface TokenDay {
  client: string;
  flag: string;
  day: string;
  issued: number;
  issueRefused: number;
  used: number;
  useRefused: number;
}
export interface TokenEvent {
  at: string;
  action: string;
  refused: boolean;
  token: string;
  target: string;
  flags: string[];
  operation?: string;
  expires: number;
  requestId: string;
}
export interface TokenReport {
  days: TokenDay[];
  events?: TokenEvent[];
}

export interface AuditRow {
  sequence: number;
  at: string;
  actor: string;
  action: string;
  container?: { kind: string; number: number };
  records: number;
  outcome: 'applied' | 'refused';
  requestId: string;
  detail?: unknown;
  previous: string;
  hash: string;
}
export interface Verified {
  rows: number;
  last: string;
  brokenAt?: number;
}

export interface Usage {
  day: string;
  operation: string;
  calls: number;
  billed: number;
}

/** Who is meant: everybody whom one of these fits. */
export interface Person {
  ids?: string[];
  name?: string;
  userData?: string;
}
export interface PersonReport {
  places: { kind: string; container?: string; id: string; name?: string; userData?: string; templates: number; groups?: string[] }[];
  note: string;
}
