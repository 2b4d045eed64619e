// Decide: what becomes of each certificate in the named files, or why nothing is done at all. Pure.
import { posix } from 'node:path';
import { CertError, describeError } from '../errors.ts';
import type { Certificate } from '../pki/certificate.ts';
import { keyFits } from '../pki/keys.ts';
import { validity } from '../pki/time.ts';
import { checkCa, isSignedBy } from '../pki/verify.ts';
import type { FoundCertificate, FoundFile } from './inspect.ts';

/** One certificate that gets a successor. */
export interface PlannedRenewal {
  readonly file: FoundFile;
  readonly found: FoundCertificate;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** The wish went past the CA's end. */
  readonly clamped: boolean;
  readonly newKey: boolean;
}

export interface RenewalPlan {
  readonly renewals: readonly PlannedRenewal[];
  /** What the operator should know but nothing stops for. */
  readonly notes: readonly string[];
}

export interface PlanInput {
  readonly ca: Certificate;
  readonly files: readonly FoundFile[];
  readonly days: number | undefined;
  readonly newKey: boolean;
  readonly now: Date;
}

export const dayMs = 86_400_000;
export const backdateMs = 3_600_000;

/**
 * Plans all files; if one is refused, all are, and the error names each.
 *
 * @throws CertError of the CA, or of the first refused file with a line for every one
 */
export function planRenewals(input: PlanInput): RenewalPlan {
  checkCa(input.ca);
  const renewals: PlannedRenewal[] = [];
  const notes: string[] = [];
  const refusals: CertError[] = [];
  for (const file of withoutTwins(input.files)) {
    try {
      const planned = planFile(file, input);
      renewals.push(...planned.renewals);
      notes.push(...planned.notes);
    } catch (error) {
      if (!(error instanceof CertError)) throw error;
      refusals.push(error);
    }
  }
  throwRefusals(refusals);
  return { renewals, notes };
}

/** One error for all refused files: an operator mends them in one go. */
export function throwRefusals(refusals: readonly CertError[]): void {
  const [first] = refusals;
  if (first === undefined) return;
  if (refusals.length === 1) throw first;
  throw new CertError(first.code, refusals.map(describeError).join('\n'), { cause: first });
}

/** Two names of one file, by a link, are renewed once. */
function withoutTwins(files: readonly FoundFile[]): FoundFile[] {
  return [...new Map(files.map((file) => [file.realPath, file])).values()];
}

function planFile(file: FoundFile, input: PlanInput): RenewalPlan {
  const { ca, newKey } = input;
  const ours = file.certificates.filter(({ certificate }) => isSignedBy(certificate, ca));
  const [first] = file.certificates;
  if (ours.length === 0 && first !== undefined) throw foreign(file.path, first.certificate, ca);
  const notes = file.certificates
    .filter((found) => !ours.includes(found))
    .map(({ user = '' }) => `${file.path}: user ${user} was signed by another CA and is left as it is`);
  for (const found of ours) refuseUnfit(file, found);
  if (file.form === 'pair' && file.keyPath === undefined) {
    notes.push(
      `${file.path}: no key was found beside it; the certificate is renewed for the key that it names`,
    );
  }
  const days = input.days ?? defaultDays(file.path);
  const times = validity({ now: input.now, lifetimeMs: days * dayMs, backdateMs, ca });
  return { renewals: ours.map((found) => ({ file, found, newKey, ...times })), notes };
}

function foreign(path: string, certificate: Certificate, ca: Certificate): CertError {
  return new CertError(
    'ForeignCertificate',
    `${path} was not signed by CA ${ca.subject.text} but by ${certificate.issuer.text}; name the CA that signed it`,
    { file: path },
  );
}

function refuseUnfit(file: FoundFile, { certificate, key, user }: FoundCertificate): void {
  const { path, keyPath = path } = file;
  const whose = user === undefined ? path : `${path}, user ${user}`;
  if (certificate.isCa) {
    throw new CertError('TargetIsCa', `${path} is a CA; only the certificates that it signed are renewed`, {
      file: path,
    });
  }
  if (key === undefined) {
    throw new CertError(
      'NotFound',
      `${whose}: its private key was not found; put it beside the certificate`,
      {
        file: path,
      },
    );
  }
  if (!keyFits(certificate, key.key)) {
    throw new CertError(
      'KeyMismatch',
      `${whose}: ${keyPath} is not its key; put back the key or certificate that fits`,
      {
        file: path,
      },
    );
  }
}

/** R24: 91 days for what the kubelet uses, 365 for all else. */
export function defaultDays(path: string): 91 | 365 {
  return posix.basename(path).startsWith('kubelet') ? 91 : 365;
}
