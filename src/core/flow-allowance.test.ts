/** What goes to an address that nobody has proved, and what proves it. */

import { equal } from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FlowAllowance } from './flow-allowance.ts';

const bytes = (hex: string, length = 0): Uint8Array => {
  const given = Buffer.from(hex, 'hex');
  return Buffer.concat([given, Buffer.alloc(Math.max(0, length - given.length))]);
};

describe('reflection and amplification: what goes to an address that is not proved', () => {
  it('is three times what came from it, to the byte', () => {
    const flow = new FlowAllowance();
    equal(flow.mayGo(bytes('', 1)), false);
    flow.came(bytes('', 40));
    equal(flow.mayGo(bytes('', 121)), false);
    equal(flow.mayGo(bytes('', 120)), true);
    equal(flow.mayGo(bytes('', 1)), false);
    equal(flow.mayGo(bytes('', 0)), true);
  });

  it('does not grow by a second datagram that was sent blindly', () => {
    const flow = new FlowAllowance();
    flow.came(bytes('0102030405060708', 40));
    equal(flow.mayGo(bytes('a1b2c3d4e5f60718', 100)), true);
    // The same once more, something else, and what everybody's datagrams hold.
    for (const blind of ['0102030405060708', 'ffeeddccbbaa9988', '0000000000000001']) flow.came(bytes(blind, 40));
    equal(flow.isProved, false);
    equal(flow.mayGo(bytes('', 381)), false);
  });

  it('does not grow by bytes that the visitor had said itself and got back', () => {
    const flow = new FlowAllowance();
    flow.came(bytes('0102030405060708', 40));
    equal(flow.mayGo(bytes('0102030405060708', 60)), true);
    flow.came(bytes('0102030405060708', 40));
    equal(flow.isProved, false);
  });

  it('does not grow by bytes that stood behind the front of a datagram, however long it was', () => {
    for (const length of [200, 1_500, 1_501, 65_507]) {
      const flow = new FlowAllowance();
      const asked = Buffer.alloc(length);
      asked.write('C0FFEE42', length - 20);
      flow.came(asked);
      equal(flow.mayGo(Buffer.from('you said C0FFEE42')), true);
      flow.came(Buffer.from('C0FFEE42'));
      equal(flow.isProved, false, String(length));
    }
  });

  it('does not grow by what an echo says late, however much was said since', () => {
    const flow = new FlowAllowance();
    const said = Array.from({ length: 40 }, (_, at) =>
      Buffer.from(Array.from({ length: 96 }, (_each, index) => (at * 37 + index * (at + 3)) % 251)),
    );
    for (const each of said) flow.came(each);
    equal(flow.mayGo(said[0] ?? Buffer.alloc(0)), true);
    flow.came(said[0] ?? Buffer.alloc(0));
    equal(flow.isProved, false);
  });
});

describe('an address is proved', () => {
  it('by four bytes of an answer, wherever they stand in the front of both', () => {
    const flow = new FlowAllowance();
    flow.came(bytes('0102030405060708', 40));
    // A cookie in the answer, at one place, and repeated at another.
    equal(flow.mayGo(bytes('0000000000c0ffee42', 100)), true);
    flow.came(bytes('11c0ffee42', 40));
    equal(flow.isProved, true);
    equal(flow.mayGo(bytes('', 9_000)), true);
  });

  it('and still gets no book for a word: 250 times is the end', () => {
    const flow = new FlowAllowance();
    flow.came(bytes('01', 40));
    equal(flow.mayGo(bytes('00c0ffee42', 40)), true);
    flow.came(bytes('00c0ffee42', 5));
    equal(flow.isProved, true);
    equal(flow.mayGo(bytes('', 45 * 250 - 40)), true);
    equal(flow.mayGo(bytes('', 1)), false);
  });
});
