// What the rest of the product knows about a certificate. Values only; `parse.ts` makes them.

/** A subject alternative name. `ip` is in canonical text form (RFC 5952 for IPv6). */
export interface San {
  readonly kind: 'dns' | 'ip' | 'uri' | 'email' | 'other';
  readonly value: string;
}

/** A distinguished name: its exact bytes, a printable form (RFC 4514 order as openssl prints it), and what policy asks of it. */
export interface DistinguishedName {
  readonly der: Uint8Array;
  readonly text: string;
  readonly commonName: string | undefined;
  readonly organizations: readonly string[];
}

export type KeyAlgorithm =
  `RSA-${number}` | 'P-256' | 'P-384' | 'P-521' | 'Ed25519' | `unsupported:${string}`;

export type ExtendedKeyUsage = 'serverAuth' | 'clientAuth' | `oid:${string}`;

/** A parsed X.509 certificate (RFC 5280). Immutable. */
export interface Certificate {
  readonly der: Uint8Array;
  /** Lower-case hex without leading zero octets (R25). */
  readonly serial: string;
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly sans: readonly San[];
  readonly extendedKeyUsages: readonly ExtendedKeyUsage[];
  readonly isCa: boolean;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  readonly keyAlgorithm: KeyAlgorithm;
  readonly subjectKeyId: Uint8Array | undefined;
  readonly authorityKeyId: Uint8Array | undefined;
  /** sha256 over `der`, lower-case hex (R25). */
  readonly sha256: string;
}
