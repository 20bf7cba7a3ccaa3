/** Whom processes run as: a name that they see. The emulator has no other rights than root's. */
import type { Token } from "../../port/jobs.ts";

export class EmulatedToken implements Token {
  readonly user: string;

  constructor(user: string) {
    this.user = user;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
