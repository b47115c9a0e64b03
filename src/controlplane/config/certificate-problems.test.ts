import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parser } from '../../cli/configuration.ts';

/** The sentences of all mistakes of a file. */
function problemsOf(text: string): string {
  const parsed = parser.parse(text, '/etc/sallyport.yaml');
  return parsed.ok ? '' : parsed.problems.map(({ sentence }) => sentence).join('\n');
}

test('mtls where nobody could show a certificate is refused', () => {
  const service = (more: string): string => `services:\n  blog: { at: blog.example.org, to: 3000, access: [{ mtls: {} }]${more} }\n`;
  assert.equal(problemsOf(service('')), '');
  assert.equal(problemsOf(`listen: ["https://127.0.0.1:8443", "http://127.0.0.1:8080"]\n${service('')}`), '');
  assert.match(problemsOf(`listen: "http://127.0.0.1:8080"\n${service('')}`), /access: found mtls and no https:\/\/ in listen/);
  assert.match(problemsOf(service(', terminate: relay')), /access: found mtls beside terminate: relay/);
  const proxy = (listen: string): string => `services:\n  out: { proxy: { listen: "${listen}" }, access: [{ mtls: {} }] }\n`;
  assert.equal(problemsOf(proxy('https://127.0.0.1:8443')), '');
  assert.match(problemsOf(proxy('http://127.0.0.1:3128')), /found mtls and no https:\/\//);
});
