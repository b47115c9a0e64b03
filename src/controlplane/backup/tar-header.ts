/** Headers of a tar file (POSIX ustar): regular files only, so that nothing else can come out of one. */

export const tarBlockBytes = 512;

/** Bytes that fill the last block of a file. */
export function paddingOf(bytes: number): number {
  return (tarBlockBytes - (bytes % tarBlockBytes)) % tarBlockBytes;
}

export type TarEntry = Readonly<{ name: string; bytes: number }>;

/** `mtime` in seconds since 1970. Names are ASCII, 100 bytes at most. */
export function writeTarHeader({ name, bytes }: TarEntry, mtime: number): Buffer {
  const header = Buffer.alloc(tarBlockBytes);
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new RangeError('a name that a tar header cannot hold');
  header.write(name, 0, 'latin1');
  octal(header, 100, 8, 0o600);
  octal(header, 108, 8, 0);
  octal(header, 116, 8, 0);
  octal(header, 124, 12, bytes);
  octal(header, 136, 12, mtime);
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.fill(0x20, 148, 156);
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** `end` for a block of zeros; null for what is no header of a regular file with a plain name. */
export function readTarHeader(header: Uint8Array): TarEntry | 'end' | null {
  const block = Buffer.from(header);
  if (block.every((byte) => byte === 0)) return 'end';
  const sum = readOctal(block, 148, 8);
  block.fill(0x20, 148, 156);
  if (sum === null || sum !== checksum(block)) return null;
  const kind = block[156];
  const bytes = readOctal(block, 124, 12);
  // A prefix, a link's target or another kind of entry: not by us.
  if (kind !== 0x30 || bytes === null || block[345] !== 0 || block[157] !== 0) return null;
  const name = block.toString('latin1', 0, 100).replace(/\0+$/, '');
  return { name, bytes };
}

function octal(header: Buffer, at: number, width: number, value: number): void {
  header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
}

function readOctal(header: Buffer, at: number, width: number): number | null {
  const text = /^([0-7]{1,11})[\0 ]*$/.exec(header.toString('latin1', at, at + width))?.[1];
  return text === undefined ? null : Number.parseInt(text, 8);
}

function checksum(header: Buffer): number {
  return header.reduce((sum, byte) => sum + byte, 0);
}
