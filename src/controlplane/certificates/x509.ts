/** The library that knows X.509: its lower half, the structures and their DER, makes certificates; the whole of it is for what is rarer. */

/** Structures of RFC 5280, and how they become DER. */
export type Structures = typeof import('@peculiar/asn1-x509') & Pick<typeof import('@peculiar/asn1-schema'), 'AsnConvert' | 'OctetString'>;

export type X509 = typeof import('@peculiar/x509');

/** Loaded when the first certificate is made: most commands make none. A third of the whole library, which needs 60 ms of a start more. */
export async function loadStructures(): Promise<Structures> {
  const [{ AsnConvert, OctetString }, structures] = await Promise.all([import('@peculiar/asn1-schema'), import('@peculiar/asn1-x509')]);
  return { ...structures, AsnConvert, OctetString };
}

/** Loaded where certificates of visitors are to be looked into, or a public authority is to be asked for ours. It needs `reflect-metadata` before it. */
export async function loadX509(): Promise<X509> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}
