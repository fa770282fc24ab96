// The messages of docs/device-protocol.md, and a reader that takes nothing on trust: a message that is not what the
// document says is `Malformed`, and ends the attempt.

/** Shares of the frame, as the camera sees it. */
export interface Oval {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Ready {
  type: 'ready';
  sessionId: string;
  attemptId: number;
  remainingAttempts: number;
  /** base64url, 16 bytes. */
  nonce: string;
  framesPerSecond: number;
  width: number;
  height: number;
  jpegQuality: number;
  mostFrameBytes: number;
  mostFrames: number;
  seconds: number;
  /** Whether a reference picture is expected now. */
  reference: boolean;
  /** Ids of keys, in base64url, with one of which the end may be signed. */
  keys: string[];
}

/** What a key of this device signed; all in base64url. */
export interface Assertion {
  id: string;
  clientData: string;
  authenticatorData: string;
  signature: string;
}

export interface TimedColour {
  colour: string;
  milliseconds: number;
}

export const DIRECTIONS = ['left', 'right', 'up', 'down'] as const;
/** As the person sees it: `left` is the person's own left. */
export type Direction = (typeof DIRECTIONS)[number];

export type Prompt =
  | { kind: 'settle'; oval: Oval; colours: TimedColour[] }
  | { kind: 'light'; colour: string; milliseconds: number }
  | { kind: 'near'; oval: Oval }
  | { kind: 'turn'; direction: Direction }
  | { kind: 'hold'; milliseconds: number };

export type Step = { type: 'step'; step: number } & Prompt;

export const HINTS = [
  'noFace',
  'moreFaces',
  'tooFar',
  'tooClose',
  'intoOval',
  'tooDark',
  'tooBright',
  'blurred',
  'covered',
  'turnMore',
  'good',
] as const;
export type HintName = (typeof HINTS)[number];

export interface Result {
  type: 'result';
  status: 'Succeeded' | 'Failed';
  digest: string | undefined;
  code: string | undefined;
  remainingAttempts: number | undefined;
  /** There only where the session sends results to clients. */
  response: Fields | undefined;
}

export interface Refusal {
  type: 'error';
  code: string;
  message: string;
  mayRetry: boolean;
  retryAfterSeconds: number | undefined;
}

export type ServerMessage =
  | Ready
  | Step
  /** A hint that this page does not know is no hint. */
  | { type: 'hint'; hint: HintName | undefined }
  | { type: 'finish' }
  | Result
  | Refusal;

/** What the device says first. */
export interface Hello {
  camera: { width: number; height: number; label?: string; facingMode?: string; frameRate?: number };
  screen: { width: number; height: number };
  withoutLight: boolean;
  slow: boolean;
  reference: boolean;
  /** Whether the person agreed that a recording is kept. */
  recording: boolean;
  deviceCorrelationId?: string;
  userCorrelationId?: string;
}

/** What the site around sets for sessions that leave it to the client. */
export interface Brought {
  deviceCorrelationId?: string;
  userCorrelationId?: string;
  /** A reference picture, for sessions with verify that have none. */
  reference?: Blob;
}

export type CancelReason = 'person' | 'otherWay' | 'camera';

export class Malformed extends Error {}

export type Fields = Record<string, unknown>;

export function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed('not an object');
  return value as Fields;
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new Malformed(`'${name}' is no text`);
  return value;
}

function number(fields: Fields, name: string, least: number, most: number): number {
  const value = fields[name];
  if (typeof value !== 'number' || !(value >= least && value <= most)) throw new Malformed(`'${name}' is out of bounds`);
  return value;
}

const optional = <T>(fields: Fields, name: string, read: (fields: Fields, name: string) => T): T | undefined =>
  fields[name] === undefined || fields[name] === null ? undefined : read(fields, name);

const count = (fields: Fields, name: string): number => number(fields, name, 0, 100_000);
const milliseconds = (fields: Fields): number => number(fields, 'milliseconds', 0, 60_000);

function colour(fields: Fields): string {
  const value = text(fields, 'colour');
  if (!/^#[0-9a-f]{6}$/i.test(value)) throw new Malformed("'colour' is no colour");
  return value;
}

function oval(fields: Fields): Oval {
  const given = fieldsOf(fields['oval']);
  const share = (name: string): number => number(given, name, -1, 2);
  return { x: share('x'), y: share('y'), width: share('width'), height: share('height') };
}

function colours(fields: Fields): TimedColour[] {
  const list = fields['colours'] ?? [];
  if (!Array.isArray(list)) throw new Malformed("'colours' is no list");
  return list.map((entry) => {
    const one = fieldsOf(entry);
    return { colour: colour(one), milliseconds: milliseconds(one) };
  });
}

/** More than the server keeps of one person are none of its. */
const MOST_KEYS = 10;

function keys(fields: Fields): string[] {
  const list = fields['keys'] ?? [];
  if (!Array.isArray(list) || list.length > MOST_KEYS) throw new Malformed("'keys' is no list");
  return list.map((id: unknown) => {
    if (typeof id !== 'string' || !/^[A-Za-z0-9_-]{2,700}$/.test(id)) throw new Malformed("'keys' has an entry that is none");
    return id;
  });
}

function prompt(fields: Fields): Prompt {
  const kind = text(fields, 'kind');
  switch (kind) {
    case 'settle':
      return { kind, oval: oval(fields), colours: colours(fields) };
    case 'light':
      return { kind, colour: colour(fields), milliseconds: milliseconds(fields) };
    case 'near':
      return { kind, oval: oval(fields) };
    case 'turn': {
      const direction = DIRECTIONS.find((one) => one === fields['direction']);
      if (!direction) throw new Malformed("'direction' is none");
      return { kind, direction };
    }
    case 'hold':
      return { kind, milliseconds: milliseconds(fields) };
    default:
      throw new Malformed(`a step of the unknown kind '${kind}'`);
  }
}

/** Members of a `result`, which the request way sends without a type. */
export function readResult(value: unknown): Result {
  const fields = fieldsOf(value);
  const status = text(fields, 'status');
  if (status !== 'Succeeded' && status !== 'Failed') throw new Malformed("'status' is neither");
  return {
    type: 'result',
    status,
    digest: optional(fields, 'digest', text),
    code: optional(fields, 'code', text),
    remainingAttempts: optional(fields, 'remainingAttempts', count),
    response: optional(fields, 'response', (all, name) => fieldsOf(all[name])),
  };
}

export function readMessage(value: unknown): ServerMessage {
  const fields = fieldsOf(value);
  const type = text(fields, 'type');
  switch (type) {
    case 'ready':
      return {
        type,
        sessionId: text(fields, 'sessionId'),
        attemptId: count(fields, 'attemptId'),
        remainingAttempts: count(fields, 'remainingAttempts'),
        nonce: text(fields, 'nonce'),
        framesPerSecond: number(fields, 'framesPerSecond', 1, 30),
        width: number(fields, 'width', 64, 1280),
        height: number(fields, 'height', 64, 1280),
        jpegQuality: number(fields, 'jpegQuality', 0.1, 1),
        mostFrameBytes: number(fields, 'mostFrameBytes', 1024, 16 * 1024 * 1024),
        mostFrames: count(fields, 'mostFrames'),
        seconds: number(fields, 'seconds', 1, 600),
        reference: fields['reference'] === true,
        keys: keys(fields),
      };
    case 'step':
      return { type, step: number(fields, 'step', 1, 65_535), ...prompt(fields) };
    case 'hint': {
      const name = text(fields, 'hint');
      return { type, hint: HINTS.find((hint) => hint === name) };
    }
    case 'finish':
      return { type };
    case 'result':
      return readResult(fields);
    case 'error':
      return {
        type,
        code: text(fields, 'code'),
        message: optional(fields, 'message', text) ?? '',
        mayRetry: fields['mayRetry'] === true,
        retryAfterSeconds: optional(fields, 'retryAfterSeconds', count),
      };
    default:
      throw new Malformed(`a message of the unknown type '${type}'`);
  }
}
