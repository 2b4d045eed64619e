// What the inventories say, as rows of metrics: expiry by the names and labels that existing alerts and dashboards know
// (ACP's certificate_expires_*, x509-certificate-exporter's x509_cert_*).
import { caIds, type CaId } from '../catalogue/ids.ts';
import type { InventoryRow } from '../agent/protocol.ts';
import { onceFor } from '../once.ts';
import { isRenewable } from '../policy/renewable.ts';
import type { World } from './world.ts';

/**
 * Above this many nodes each shows two certificates at most, so that a scrape stays small: of those that we renew the first
 * to expire, and the first of the others, which may have expired for good and must hide none of ours.
 */
export const detailedUpTo = 200;

export const certificateLabels = [
  'nodename',
  'filename',
  'filepath',
  'serial_number',
  'subject_CN',
  'issuer_CN',
] as const;
export type CertificateLabels = Record<(typeof certificateLabels)[number], string>;

/** Seconds since 1970; NaN for what is no time. */
export function seconds(time: string): number {
  return Date.parse(time) / 1000;
}

/** One shown certificate; its times in seconds since 1970. */
export interface ShownCertificate {
  readonly labels: CertificateLabels;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** The same world is asked for by five metrics. */
export const shownCertificates = onceFor((world: World): readonly ShownCertificate[] => {
  const detailed = world.inventories.size <= detailedUpTo;
  return [...world.inventories].flatMap(([node, { certificates }]) =>
    (detailed ? certificates.filter(hasEnd) : firstToEnd(certificates, world)).map((row) =>
      shownOf(node, row),
    ),
  );
});

const hasEnd = ({ notAfter }: InventoryRow): boolean => Number.isFinite(seconds(notAfter));

/** Of those that are renewed, and of the others; the CAs of a node are those of all nodes, and have a metric of their own. */
function firstToEnd(rows: readonly InventoryRow[], { configuration }: World): readonly InventoryRow[] {
  const firsts = new Map<boolean, { readonly row: InventoryRow; readonly end: number }>();
  for (const row of rows) {
    const end = seconds(row.notAfter);
    if (!Number.isFinite(end) || row.kind === 'ca') continue;
    const isOurs = isRenewable(row, configuration);
    const first = firsts.get(isOurs);
    if (first === undefined || end < first.end) firsts.set(isOurs, { row, end });
  }
  return [...firsts.values()].map(({ row }) => row);
}

function shownOf(nodename: string, row: InventoryRow): ShownCertificate {
  const labels = {
    nodename,
    filename: row.path.slice(row.path.lastIndexOf('/') + 1),
    filepath: row.path,
    // x509-certificate-exporter shows serial numbers in decimal.
    serial_number: /^[0-9a-f]+$/.test(row.serial) ? BigInt(`0x${row.serial}`).toString() : '',
    subject_CN: commonName(row.subject),
    issuer_CN: commonName(row.issuer),
  };
  return { labels, notBefore: seconds(row.notBefore), notAfter: seconds(row.notAfter) };
}

function commonName(subject: string): string {
  return /(?:^|[,+]\s*)CN\s*=\s*((?:\\.|[^,+\\])*)/.exec(subject)?.[1]?.trim() ?? '';
}

/** When each CA ends, in seconds since 1970: the stored one's word, else the earliest certificate of it on any node. */
export function caEnds({ vault, inventories }: World): readonly (readonly [CaId, number])[] {
  const onNodes = new Map<string, number>();
  for (const { certificates } of inventories.values()) {
    for (const { kind, ca, notAfter } of certificates) {
      if (kind !== 'ca' || ca === null) continue;
      onNodes.set(ca, Math.min(onNodes.get(ca) ?? Number.POSITIVE_INFINITY, seconds(notAfter)));
    }
  }
  return caIds.flatMap((ca) => {
    const stored = vault.cas[ca];
    const end = stored === undefined ? onNodes.get(ca) : seconds(stored.notAfter);
    return end === undefined || !Number.isFinite(end) ? [] : [[ca, end] as const];
  });
}
