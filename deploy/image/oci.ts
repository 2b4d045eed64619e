// Packs directories as an OCI image archive (image-spec v1) that `ctr images import` and registries' tools read.
// The same directory gives the same layer: names sorted, times zero, owner root. Images with the same layer share it on a
// node's disk.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly user: string;
  readonly version: string;
  /** Beside PATH. */
  readonly environment?: Readonly<Record<string, string>>;
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** Writes the archive and returns the digest of its manifest. */
export function packImage(image: {
  /** A layer each, the lowest first. */
  readonly directories: readonly string[];
  readonly reference: string;
  readonly out: string;
  readonly config: ImageConfig;
}): string {
  const layout = mkdtempSync(join(dirname(image.out), '.oci-'));
  try {
    const blobs = join(layout, 'blobs', 'sha256');
    mkdirSync(blobs, { recursive: true });
    const layers = image.directories.map((directory) => putLayer(blobs, directory));
    const config = put(blobs, {
      architecture: 'amd64',
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: {
        User: image.config.user,
        Env: Object.entries({ PATH: '/usr/bin', ...image.config.environment }).map(
          ([name, value]) => `${name}=${value}`,
        ),
        Entrypoint: image.config.entrypoint,
        WorkingDir: '/',
        Labels: {
          'org.opencontainers.image.title': 'cluster-cert-rotator',
          'org.opencontainers.image.version': image.config.version,
          'org.opencontainers.image.licenses': 'Apache-2.0',
        },
      },
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
    });
    const manifest = put(blobs, {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor('application/vnd.oci.image.config.v1+json', config),
      layers: layers.map((layer) => descriptor('application/vnd.oci.image.layer.v1.tar', layer)),
    });
    const named = {
      ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
      platform: { architecture: 'amd64', os: 'linux' },
      // the first is what containerd names the image by, the second is the image-spec's own
      annotations: {
        'io.containerd.image.name': image.reference,
        'org.opencontainers.image.ref.name': image.reference.split(':')[1] ?? 'latest',
      },
    };
    writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
    writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    tar(layout, `${image.out}.part`);
    renameSync(`${image.out}.part`, image.out);
    return `sha256:${manifest.digest}`;
  } finally {
    rmSync(layout, { recursive: true, force: true });
  }
}

function putLayer(blobs: string, directory: string): Blob {
  const file = join(blobs, 'layer.tar');
  chmodSync(directory, 0o755);
  if (existsSync(join(directory, 'tmp'))) chmodSync(join(directory, 'tmp'), 0o1777);
  tar(directory, file);
  const layer = blobOf(readFileSync(file));
  renameSync(file, join(blobs, layer.digest));
  return layer;
}

function blobOf(bytes: Uint8Array): Blob {
  return { digest: createHash('sha256').update(bytes).digest('hex'), size: bytes.length };
}

function put(directory: string, value: object): Blob {
  const bytes = Buffer.from(JSON.stringify(value));
  const blob = blobOf(bytes);
  writeFileSync(join(directory, blob.digest), bytes);
  return blob;
}

const descriptor = (mediaType: string, blob: Blob) => ({
  mediaType,
  digest: `sha256:${blob.digest}`,
  size: blob.size,
});

function tar(directory: string, out: string): void {
  const fixed = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu'];
  execFileSync('tar', [...fixed, '-C', directory, '-cf', out, '.'], {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TMPDIR: tmpdir() },
  });
}
