// More of bad-input.ts: the files of a key and of a CA, and what the other commands are given.
import { caOptions } from './node-root.ts';
import { kubeletPki, usual, type Trouble } from './bad-input.ts';

const pki = 'etc/kubernetes/pki';
const apiserverKey = `${pki}/apiserver.key`;

/** The file is left in its place with these bytes, so that owner and mode stay. */
const torn = (path: string): string => `head -c 100 ${path} > tmp/torn; cat tmp/torn > ${path}; rm tmp/torn`;
const utf16 = (path: string): string => `printf '\\377\\376-\\0-\\0' > ${path}`;
const huge = (path: string): string => `truncate -s 1G ${path}`;
const encrypted = (path: string): string =>
  `openssl pkcs8 -topk8 -passout pass:x -in ${path} -out tmp/e.key; cat tmp/e.key > ${path}; rm tmp/e.key`;

/** A file of the node's PKI that is broken. */
const broken = (name: string, make: string, says: RegExp): Trouble => ({ name, make, says });

const putBack = 'put back the key that belongs to the certificate';

const noRoom = {
  make: 'mount -t tmpfs -o size=16k,mode=700 tmpfs var/lib/cluster-cert-rotator; dd if=/dev/zero of=var/lib/cluster-cert-rotator/filler bs=1k 2>/dev/null || true',
  undo: 'umount var/lib/cluster-cert-rotator',
} as const;

export const badFiles: readonly Trouble[] = [
  broken(
    'an empty key',
    `: > ${apiserverKey}`,
    new RegExp(`apiserver\\.key: holds no private key; ${putBack}`),
  ),
  broken(
    'a torn key',
    torn(apiserverKey),
    new RegExp(`apiserver\\.key: not well-formed PEM: .* has no end; ${putBack}`),
  ),
  broken(
    'an encrypted key',
    encrypted(apiserverKey),
    /apiserver\.key: the private key is encrypted; give it without a passphrase/,
  ),
  broken(
    'a key of a GiB',
    huge(apiserverKey),
    /apiserver\.key is larger than \d+ bytes.*; put back the right file/,
  ),
  broken('an empty CA', `: > ${pki}/ca.crt`, /ca\.crt holds no certificate; name the CA's certificate/),
  broken('a CA in UTF-16', utf16(`${pki}/ca.crt`), /ca\.crt holds no certificate; name the CA's certificate/),
  broken(
    'a torn CA',
    torn(`${pki}/ca.crt`),
    /ca\.crt:1: not well-formed PEM: .*; name the certificate of the CA/,
  ),
  broken('a CA of a GiB', huge(`${pki}/ca.crt`), /ca\.crt is larger than \d+ bytes.*; name another file/),
  broken('an empty CA key', `: > ${pki}/ca.key`, /ca\.key: holds no private key; name the key of the CA/),
  broken(
    'a CA key in UTF-16',
    utf16(`${pki}/ca.key`),
    /ca\.key: holds no private key; name the key of the CA/,
  ),
  broken(
    'a torn CA key',
    torn(`${pki}/ca.key`),
    /ca\.key:1: not well-formed PEM: .*; name the key of the CA/,
  ),
  broken('a CA key of a GiB', huge(`${pki}/ca.key`), /ca\.key is larger than \d+ bytes.*; name another file/),
  {
    name: 'a certificate as CA key',
    words: () => usual().map((word) => (word === caOptions[3] ? caOptions[1] : word)),
    says: /ca\.crt: holds no private key; name the key of the CA/,
  },
  {
    name: 'a path through a file',
    words: () => usual('--backup-dir', '/etc/machine-id/old'),
    says: /\/etc\/machine-id\/old does not exist: a part of its path is no directory; name another/,
    status: 1,
  },
  {
    name: 'sign: a request that is missing',
    words: () => ['sign', '/root/no.req'],
    says: /\/root\/no\.req does not exist; name what cert-renew request wrote/,
  },
  {
    name: 'install: an answer that is missing',
    words: () => ['install', '/root/no.ans'],
    says: /\/root\/no\.ans does not exist; name what cert-renew sign wrote/,
  },
  {
    name: 'check: a server that is not there',
    words: () => ['check', '--server', '127.0.0.1:1'],
    says: /127\.0\.0\.1:1 does not answer: .*; name one that runs/,
  },
  ...['all', 'request'].flatMap((command): readonly Trouble[] => [
    {
      name: `${command}: no root`,
      words: () => [command],
      user: '65534:65534',
      says: /cluster-cert-rotator\/lock may not be touched by this user; run as root/,
    },
    {
      name: `${command}: /var/lib mounted read-only`,
      make: 'mount --bind var/lib var/lib; mount -o remount,bind,ro var/lib',
      undo: 'umount var/lib',
      words: () => [command],
      says: /cluster-cert-rotator\/lock lies on a file system that is mounted read-only; mount it writable/,
    },
  ]),
  {
    name: 'request: no room in /var/lib',
    ...noRoom,
    words: () => ['request', `/${kubeletPki}/kubelet.crt`],
    says: /waiting\.json cannot be written: no room .*; free some there and try again/,
  },
  {
    name: 'all: no room in /var/lib',
    ...noRoom,
    // One that keeps static Pods only: nobody waits for its API.
    make: `printf '[Service]\nExecStart=kubelet --config=/k.yaml\n' > etc/systemd/system/kubelet.service; ${noRoom.make}`,
    words: () => ['all'],
    says: /^refused: .*no room .*; free some there and try again;.* nothing was touched$/m,
    reports: true,
  },
];
