/** A backend in one list: its weight there, and what dials it. */

import type { Candidate } from '../../../core/balance/choice.ts';
import type { Member } from '../../../contracts/balance.ts';
import type { BuiltUpstream } from '../../../contracts/upstream.ts';
import type { Backend } from './backend.ts';

export class Seat implements Candidate {
  readonly backend: Backend;
  readonly member: Member;
  /** Of the member's name; null for what is dialled as it stands. */
  readonly address: string | null;
  readonly upstream: BuiltUpstream;
  /** Says to a visitor's browser which backend it was, and to nobody where that is. */
  readonly token: string;
  weight: number;
  credit = 0;

  constructor(backend: Backend, member: Member, address: string | null, token: string) {
    this.backend = backend;
    this.member = member;
    this.address = address;
    this.token = token;
    this.upstream = member.build(address);
    this.weight = member.weight;
  }

  get id(): string {
    return this.backend.words;
  }

  get live(): number {
    return this.backend.live;
  }
}

/** `http://app.internal:8080 at 10.0.0.5`. */
export function wordsOf({ words }: Member, address: string | null): string {
  return address === null ? words : `${words} at ${address}`;
}
