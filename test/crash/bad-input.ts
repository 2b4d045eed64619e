// Everything that can be wrong with what cert-renew is given, as a table: how it is made in the node's root directory, and
// what the one line must say. mounts.ts holds the executable against it.
import { caOptions, renewable } from './node-root.ts';

export interface Trouble {
  readonly name: string;
  /** Shell lines in the node's root directory, before and after. */
  readonly make?: string;
  readonly undo?: string;
  /** The arguments; `usual()` by default. */
  readonly words?: () => readonly string[];
  /** uid:gid; root by default. */
  readonly user?: string;
  readonly says: RegExp;
  /** It says so in its report, on standard output. */
  readonly reports?: true;
  /** 2 by default: refused before anything was touched; 1: found while writing, and all is as it was. */
  readonly status?: 1 | 2;
}

/** The manual's command for the node's three files, and more of them. */
export const usual = (...more: readonly string[]): readonly string[] => [...caOptions, ...renewable, ...more];

const pki = 'etc/kubernetes/pki';
export const kubeletPki = 'var/lib/kubelet/pki';
const overmount = (directory: string, options: string): string =>
  `cp -a ${directory} tmp/keep; mount -t tmpfs -o ${options} tmpfs ${directory}; cp -a tmp/keep/. ${directory}/; rm -r tmp/keep`;
const fill = (directory: string): string =>
  `dd if=/dev/zero of=${directory}/filler bs=1k 2>/dev/null || true`;

const odd = '/etc/kubernetes/odd.crt';
/** A file with these bytes, as printf spells them. */
const content = (text: string): string => `printf -- '${text}' > .${odd}`;
const oddFile = (name: string, text: string, says: RegExp): Trouble => ({
  name,
  make: content(text),
  words: () => usual(odd),
  says,
});

interface Dated {
  /** Names in the directory of the PKI, without their ending. */
  readonly name: string;
  readonly by: string;
  readonly subject: string;
  readonly extensions: readonly string[];
}

/** A certificate of this key from and to such days, as date(1) reads them: what `openssl x509` cannot do everywhere. */
export function dated({ name, by, subject, extensions }: Dated, start: string, end: string): string {
  const section = ['[ca]', 'default_ca=d', '[d]', 'database=index', 'serial=serial', 'new_certs_dir=.'];
  const policy = ['default_md=sha256', 'policy=p', 'x509_extensions=e', '[p]', 'commonName=supplied'];
  const config = [...section, ...policy, '[e]', ...extensions].join('\\n');
  const issuer = by === name ? '-selfsign' : `-cert ${by}.crt`;
  return `mkdir tmp/ca; cp ${pki}/*.crt ${pki}/*.key tmp/ca; cd tmp/ca
  openssl req -new -key ${name}.key -subj ${subject} -out x.csr
  printf '${config}\\n' > c.cnf; : > index; echo 0badcafe > serial
  stamp() { date -u -d "$1" +%Y%m%d%H%M%SZ; }
  openssl ca -batch -config c.cnf ${issuer} -keyfile ${by}.key -in x.csr -notext -out x.crt \\
    -startdate "$(stamp '${start}')" -enddate "$(stamp '${end}')"
  cat x.crt > ../../${pki}/${name}.crt; cd ../..; rm -r tmp/ca`;
}

const caExtensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign'];
/** The CA signed anew by its own key, for other days. */
export const caFromTo = (start: string, end: string): string =>
  dated({ name: 'ca', by: 'ca', subject: '/CN=kubernetes', extensions: caExtensions }, start, end);

const users = (user: string): string => `kind: Config\\nusers:\\n- name: me\\n  user: ${user}\\n`;
const days = (text: string): Trouble => ({
  name: `--days ${text}`,
  words: () => ['--days', text, ...usual()],
  says: /'--days <n>' argument '.*' is invalid. It must be a whole number from 1 to 36500; see cert-renew --help/,
});
const instead = (option: string, value: string): readonly string[] =>
  usual().map((word, i, all) => (all[i - 1] === option ? value : word));

export const troubles: readonly Trouble[] = [
  {
    name: 'no room beside the target',
    make: `${overmount(kubeletPki, 'size=64k,mode=755')}; ${fill(kubeletPki)}`,
    undo: `umount ${kubeletPki}`,
    says: /\/pki\/kubelet\.\w+ .*no room.* on the file system at \S+pki;/,
    status: 1,
  },
  {
    name: 'no inodes beside the target',
    make: `${overmount(kubeletPki, 'size=1m,nr_inodes=3,mode=755')}; touch ${kubeletPki}/last 2>/dev/null || true`,
    undo: `umount ${kubeletPki}`,
    says: /\/pki\/kubelet\.\w+ .*no room.* on the file system at \S+pki;/,
    status: 1,
  },
  {
    name: 'no room in the host directory',
    make: `mount -t tmpfs -o size=16k,mode=700 tmpfs var/lib/cluster-cert-rotator; ${fill('var/lib/cluster-cert-rotator')}`,
    undo: 'umount var/lib/cluster-cert-rotator',
    says: /cluster-cert-rotator.*no room/,
    status: 1,
  },
  {
    name: 'a target on a read-only mount',
    make: `mount --bind ${kubeletPki} ${kubeletPki}; mount -o remount,bind,ro ${kubeletPki}`,
    undo: `umount ${kubeletPki}`,
    says: /kubelet.*read-only/,
    status: 1,
  },
  {
    name: 'an immutable file',
    make: `chattr +i ${kubeletPki}/kubelet.crt`,
    undo: `chattr -i ${kubeletPki}/kubelet.crt`,
    says: /kubelet\.crt.*immutable/,
    status: 1,
  },
  {
    name: 'an immutable directory',
    make: `chattr +i ${kubeletPki}`,
    undo: `chattr -i ${kubeletPki}`,
    says: /kubelet\.\w+.*immutable/,
    status: 1,
  },
  {
    name: 'a FIFO',
    make: 'mkfifo etc/kubernetes/x.crt',
    words: () => usual('/etc/kubernetes/x.crt'),
    says: /x\.crt is no regular file; name a file/,
  },
  {
    name: 'a directory',
    words: () => usual('/etc/kubernetes/pki'),
    says: /pki is no regular file; name a file/,
  },
  { name: 'a device', words: () => usual('/dev/null'), says: /null is no regular file/ },
  {
    name: 'a sparse file of a GiB',
    make: 'truncate -s 1G etc/kubernetes/big.crt',
    words: () => usual('/etc/kubernetes/big.crt'),
    says: /big\.crt is larger than \d+ bytes.*; name another file/,
  },
  {
    name: 'a missing file',
    words: () => usual('/etc/kubernetes/gone.crt'),
    says: /gone\.crt does not exist; name a certificate/,
  },
  {
    name: 'a link that leads out',
    make: 'mkdir -p srv; cp etc/kubernetes/pki/apiserver.crt srv/; cp etc/kubernetes/pki/apiserver.key etc/kubernetes/out.key; ln -s /srv/apiserver.crt etc/kubernetes/out.crt',
    words: () => usual('/etc/kubernetes/out.crt'),
    says: /out\.crt is a link to \/srv\/apiserver\.crt/,
  },
  {
    name: 'a loop of links',
    make: 'ln -s loop.crt etc/kubernetes/loop.crt',
    words: () => usual('/etc/kubernetes/loop.crt'),
    says: /loop\.crt is a link, or a loop of links, where a plain file is expected; name the file itself/,
  },
  {
    name: 'a hard link',
    make: `ln ${kubeletPki}/kubelet.crt ${kubeletPki}/twin.crt`,
    says: /kubelet\.crt has 2 names/,
  },
  {
    name: 'a directory that others may write',
    make: `chmod 777 ${kubeletPki}`,
    says: /kubelet\.key: .*others/,
  },
  {
    name: 'a CA among the files',
    words: () => usual('/etc/kubernetes/pki/ca.crt'),
    says: /ca\.crt is a CA/,
  },
  {
    name: 'a certificate of another CA',
    make: 'openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other -addext basicConstraints=critical,CA:FALSE -keyout etc/kubernetes/o.key -out etc/kubernetes/o.crt',
    words: () => usual('/etc/kubernetes/o.crt'),
    says: /o\.crt was signed by CN=other, not by CN=kubernetes/,
  },
  {
    name: 'an encrypted CA key',
    make: 'cd etc/kubernetes/pki; openssl pkcs8 -topk8 -passout pass:x -in ca.key -out e.key; mv e.key ca.key',
    says: /ca\.key: the private key is encrypted/,
  },
  {
    name: 'a CA key that is not the CA’s',
    make: 'cp etc/kubernetes/pki/apiserver.key etc/kubernetes/pki/ca.key',
    says: /ca\.key is not the key of/,
  },
  {
    name: 'a key that does not fit',
    make: `cp etc/kubernetes/pki/apiserver.key ${kubeletPki}/kubelet.key`,
    says: /kubelet\.crt: the key does not fit the certificate; put back the two/,
  },
  ...['0', '-1', 'ninety', '1000000000', '1.5', ''].map(days),
  { name: 'no file', words: () => caOptions, says: /missing required argument 'FILE'/ },
  { name: 'an empty name', words: () => usual(''), says: /a FILE is empty/ },
  { name: 'no CA', words: () => renewable, says: /--ca-cert is missing/ },
  {
    name: 'no key of the CA',
    words: () => [...caOptions.slice(0, 2), ...renewable],
    says: /--ca-key is missing/,
  },
  { name: 'a word that is no command', words: () => ['renew', ...renewable], says: /"renew" is no command/ },
  { name: 'an unknown option', words: () => usual('--force'), says: /unknown option '--force'/ },
  oddFile('an empty file', '', /odd\.crt is empty; name a certificate/),
  oddFile('NUL bytes', '\\0\\0\\0', /odd\.crt is neither PEM nor a kubeconfig.*NUL.*; name a certificate/),
  oddFile(
    'UTF-16',
    '\\377\\376-\\0-\\0',
    /odd\.crt is neither PEM nor a kubeconfig.*UTF-16.*; name a certificate/,
  ),
  oddFile(
    'a torn certificate',
    '-----BEGIN CERTIFICATE-----\\nMIIB',
    /odd\.crt:1: .*has no end; name a file that is whole/,
  ),
  oddFile('some text', 'hello\\n', /odd\.crt.*; name a certificate/),
  oddFile(
    'a kubeconfig with a token',
    users('{token: secret}'),
    /odd\.crt holds no client certificate \(its users log in by token\).*leave it out/,
  ),
  oddFile(
    'a kubeconfig with a program',
    users('{exec: {command: x}}'),
    /odd\.crt holds no client certificate \(its users log in by exec\).*leave it out/,
  ),
  {
    name: 'a key among the files',
    words: () => usual('/etc/kubernetes/pki/ca.key'),
    says: /ca\.key holds no certificate; name the certificate, not the key/,
  },
  {
    name: 'a certificate without its key',
    make: `rm ${kubeletPki}/kubelet.key`,
    says: /the key of .*kubelet\.crt is not beside it; put it there/,
  },
  {
    name: 'a FIFO in place of the key',
    make: `rm ${kubeletPki}/kubelet.key; mkfifo ${kubeletPki}/kubelet.key`,
    says: /the key of .*kubelet\.crt is not beside it; put it there/,
  },
  {
    name: 'a CA that is missing',
    make: `rm ${pki}/ca.crt`,
    says: /ca\.crt does not exist; name the certificate of the CA/,
  },
  {
    name: 'a CA key that is missing',
    make: `rm ${pki}/ca.key`,
    says: /ca\.key does not exist; name the key of the CA.*cert-renew request/,
  },
  { name: 'a directory as CA', words: () => instead('--ca-cert', '/etc'), says: /\/etc is no regular file/ },
  {
    name: 'a device as CA key',
    words: () => instead('--ca-key', '/dev/zero'),
    says: /zero is no regular file/,
  },
  {
    name: 'a FIFO as CA',
    make: `rm ${pki}/ca.crt; mkfifo ${pki}/ca.crt`,
    says: /ca\.crt is no regular file/,
  },
  {
    name: 'a key as CA',
    words: () => instead('--ca-cert', `/${pki}/ca.key`),
    says: /ca\.key holds no certificate; name the CA's certificate/,
  },
  {
    name: 'a leaf as CA',
    words: () => ['--ca-cert', `/${pki}/apiserver.crt`, '--ca-key', `/${pki}/apiserver.key`, ...renewable],
    says: /apiserver\.crt: CN=kube-apiserver is not a CA; name the CA's own certificate/,
  },
  {
    name: 'a CA that has ended',
    make: caFromTo('-20 days', '-10 days'),
    says: /ca\.crt: the CA ended at \d{4}-.*; check the clock, or replace the CA/,
  },
  {
    name: 'a clock that is years behind',
    make: caFromTo('+700 days', '+9000 days'),
    says: /ca\.crt: the CA is not valid before \d{4}-.*check the clock/,
  },
  {
    name: 'a clock that is years ahead',
    make: caFromTo('-9000 days', '-700 days'),
    says: /ca\.crt: the CA ended at \d{4}-.*; check the clock/,
  },
  { name: 'no root', user: '65534:65534', says: /ca\.key may not be touched by this user; run as root/ },
  {
    name: 'no root, and a CA key that everybody may read',
    make: `chmod 644 ${pki}/*.key etc/kubernetes/admin.conf ${kubeletPki}/*`,
    user: '65534:65534',
    says: /may not be touched by this user; run as root/,
  },
  {
    name: 'everything mounted read-only',
    make: 'for each in etc var; do mount --bind $each $each; mount -o remount,bind,ro $each; done',
    undo: 'umount etc var',
    says: /lies on a file system that is mounted read-only; mount it writable and try again/,
  },
  {
    name: 'backups where the kubelet looks for Pods',
    words: () => usual('--backup-dir', '/etc/kubernetes/manifests'),
    says: /--backup-dir .* lies in .*; name another directory/,
  },
];
