// The order of an attempt's messages: `ready`, then steps that count up, then `finish`, then `result`. It has no camera,
// no socket and no clock, so that every order can be tried in a test.
import { Malformed, type Refusal, type Result, type ServerMessage } from './messages';

/** How an attempt ended. `lost`: the connection did, and nobody said how. */
export type Outcome = Result | Refusal | { type: 'lost' };

export class Conversation {
  private phase: 'hello' | 'running' | 'finishing' | 'over' = 'hello';
  private lastStep = 0;

  /** Takes a message that may come now; throws `Malformed` for one that may not. */
  hear(message: ServerMessage): void {
    if (this.phase === 'over') throw new Malformed(`'${message.type}' after the end`);
    switch (message.type) {
      case 'ready':
        if (this.phase !== 'hello') throw new Malformed("a second 'ready'");
        this.phase = 'running';
        return;
      case 'step':
        if (this.phase !== 'running') throw new Malformed("a 'step' outside the attempt");
        if (message.step !== this.lastStep + 1) throw new Malformed(`step ${message.step} after ${this.lastStep}`);
        this.lastStep = message.step;
        return;
      case 'hint':
        if (this.phase === 'hello') throw new Malformed("a 'hint' before 'ready'");
        return;
      case 'finish':
        if (this.phase !== 'running') throw new Malformed("'finish' outside the attempt");
        this.phase = 'finishing';
        return;
      case 'result':
      case 'error':
        // Both may come at any time: the server may break off, and it may say how that ended.
        this.phase = 'over';
    }
  }

  get hasBegun(): boolean {
    return this.phase !== 'hello';
  }

  get isOver(): boolean {
    return this.phase === 'over';
  }

  /** Whether frames are still wanted. */
  get isRunning(): boolean {
    return this.phase === 'running';
  }

  /** Nothing more is expected, whoever ended it. */
  close(): void {
    this.phase = 'over';
  }
}
