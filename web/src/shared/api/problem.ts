// What went wrong, in the words of the server, and what to do about it, in ours.
import { sharedTexts } from '../texts';

export class Problem extends Error {
  constructor(
    message: string,
    /** What the reader can do now. */
    readonly remedy: string,
    /** HTTP status; 0 when there was no answer or the fault lies in the browser. */
    readonly status = 0,
    /** The server's stable code, such as `InvalidImage`. */
    readonly code = '',
  ) {
    super(message);
    this.name = 'Problem';
  }
}

/** Reads the error envelope of an answer. Bodies from strangers (a proxy, say) need not be one. */
export function fromAnswer(status: number, body: unknown, mayRepeat: boolean): Problem {
  const { code = '', message } = envelope(body);
  const todo = status === 503 && !mayRepeat ? sharedTexts.errors.perhapsDone : remedy(status, code);
  return new Problem(message ?? sharedTexts.errors.status(status), todo, status, code);
}

function envelope(body: unknown): { code?: string; message?: string } {
  if (typeof body !== 'object' || body === null || !('error' in body)) return {};
  const error = body.error;
  if (typeof error !== 'object' || error === null) return {};
  return {
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    ...('message' in error && typeof error.message === 'string' ? { message: error.message } : {}),
  };
}

function remedy(status: number, code: string): string {
  const known: Record<string, string> = sharedTexts.errors.remedies;
  if (known[code]) return known[code];
  if (status === 401) return sharedTexts.errors.key;
  if (status === 429 || status === 503) return sharedTexts.errors.busy;
  if (status >= 500) return sharedTexts.errors.server;
  return sharedTexts.errors.other;
}

/** Makes a problem of anything that was thrown. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  return new Problem(sharedTexts.errors.unexpected, sharedTexts.errors.unexpectedRemedy);
}

/** Whether the user stopped it; that is no problem to report. */
export function wasStopped(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === 'AbortError';
}
