/** The blocks of a PEM file (RFC 7468), each with the line that it begins on: so that a mistake can be pointed at. */

export type PemBlock = Readonly<{
  /** `CERTIFICATE`, `PRIVATE KEY`, `ENCRYPTED PRIVATE KEY` … */
  label: string;
  /** The block as it stands, with both of its marks. */
  text: string;
  /** From 1. */
  line: number;
}>;

export type PemFile = Readonly<{ ok: true; blocks: readonly PemBlock[] }> | Readonly<{ ok: false; line: number; why: string }>;

const begins = '-----BEGIN ';
const ends = '-----END ';
const closes = '-----';

/** What stands between blocks is passed over (RFC 7468, 2: explanatory text). A block that does not end is a mistake. */
export function readPem(text: string): PemFile {
  const blocks: PemBlock[] = [];
  let open: { label: string; line: number; lines: string[] } | null = null;
  for (const [at, raw] of text.split('\n').entries()) {
    const line = raw.trimEnd();
    const label = line.endsWith(closes) ? labelOf(line) : null;
    if (label?.begins === true) {
      if (open !== null) return { ok: false, line: open.line, why: `the ${open.label} that begins here does not end` };
      open = { label: label.name, line: at + 1, lines: [line] };
    } else if (open !== null) {
      open.lines.push(line);
      if (label === null) continue;
      if (label.name !== open.label)
        return { ok: false, line: at + 1, why: `the ${open.label} of line ${open.line} ends as ${label.name || 'nothing'}` };
      blocks.push({ label: open.label, text: `${open.lines.join('\n')}\n`, line: open.line });
      open = null;
    }
  }
  return open === null ? { ok: true, blocks } : { ok: false, line: open.line, why: `the ${open.label} that begins here does not end` };
}

function labelOf(line: string): Readonly<{ begins: boolean; name: string }> | null {
  if (line.startsWith(begins)) return { begins: true, name: line.slice(begins.length, -closes.length) };
  return line.startsWith(ends) ? { begins: false, name: line.slice(ends.length, -closes.length) } : null;
}
