/** Where a fingerprint is shown, and that it fits. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reach } from '../core/address.ts';
import { columnsOf } from './printable.ts';
import { screenLines } from './screen.ts';
import { scriptedTerminal } from './scripted-terminal.ts';

function screen(reach: Reach, ca: string | null, columns: number): readonly string[] {
  const ready = {
    event: 'ready',
    service: 'blog',
    url: 'https://192.168.1.7',
    reach,
    ca,
    fingerprint: '0a'.repeat(16) + 'fe'.repeat(16),
    access: [],
    expires: null,
    hint: null,
  } as const;
  const state = { services: [{ name: 'blog', behind: 'x', state: 'ready', ready, why: null }], warnings: [], exchanges: [] } as const;
  return screenLines(state, scriptedTerminal({ columns, rows: 60 }));
}

test('a certificate that this machine made shows its fingerprint to who shares it with a network, as browsers write it', () => {
  for (const columns of [80, 64]) {
    const lines = screen('network', '/ca.pem', columns);
    const text = lines.join('\n');
    assert.match(text, /SHA-256\s+(0A:){15}0A\n/);
    assert.match(text, /\n +(FE:){15}FE\n/);
    assert.ok(lines.every((line) => columnsOf(line) <= columns));
  }
  for (const [reach, ca] of [
    ['machine', '/ca.pem'],
    ['internet', '/ca.pem'],
    ['network', null],
  ] as const)
    assert.equal(screen(reach, ca, 80).join('\n').includes('SHA-256'), false);
});
