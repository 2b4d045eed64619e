import { describe, expect, it } from 'vitest';
import type { CertificateRotation, Phase } from '../../kube/types.ts';
import { exitCodeOf, isVerified, lineOf, told } from './story.ts';

const rotation = (phase: Phase, reason = '', message = ''): CertificateRotation => ({
  metadata: { name: 'n1-x-1' },
  spec: { nodeName: 'n1', nodeUID: 'u', certificates: ['admin.conf'], reason: 'Due' },
  status: { phase, reason, message },
});

const seen = (node: string, id: string) => ({ node, id, serial: '1a' });

describe('the story', () => {
  it('says a phase once', () => {
    const { key, line } = lineOf(rotation('Running'), undefined);
    expect(line).toBe('n1  at work (admin.conf)');
    expect(lineOf(rotation('Running'), key).line).toBeUndefined();
  });

  it('says why something waits, again when it waits for another reason', () => {
    const { key, line } = lineOf(rotation('Pending', 'EtcdUnsafe', 'etcd: no'), undefined);
    expect(line).toBe('n1  waits (admin.conf): etcd: no');
    expect(lineOf(rotation('Pending', 'EtcdUnsafe', 'etcd: still no'), key).line).toBeUndefined();
    expect(lineOf(rotation('Pending', 'Settling', 'a moment'), key).line).toContain('a moment');
  });

  it('says nothing of what is only planned', () => {
    expect(lineOf(rotation('Scheduled'), undefined).line).toBeUndefined();
    const { metadata, spec } = rotation('Scheduled');
    expect(lineOf({ metadata, spec }, undefined).line).toBeUndefined();
  });

  it('cuts a line to the terminal', () => {
    expect(told(1234, 'a long line', 15)).toBe('   1.2 s  a lo…');
  });

  it('breaks what a person must type into lines', () => {
    const { line, isWhole } = lineOf(rotation('NeedsManual', '', 'run on n1: cert-renew all'), undefined);
    expect(isWhole).toBe(true);
    expect(told(1234, line ?? '', 40, isWhole)).toBe(
      '   1.2 s  n1  NEEDS A PERSON\n              (admin.conf): run on n1:\n              cert-renew all',
    );
  });

  it('takes a rotation for verified when every certificate of it was seen on its node', () => {
    const { metadata, spec } = rotation('Running');
    const both: CertificateRotation = {
      metadata,
      spec: { ...spec, certificates: ['kubelet.crt', 'admin.conf'] },
    };
    expect(isVerified(both, [seen('n1', 'kubelet.crt'), seen('n2', 'admin.conf')])).toBe(false);
    expect(isVerified(both, [seen('n1', 'kubelet.crt'), seen('n1', 'admin.conf')])).toBe(true);
  });

  it.each([
    [1, 0, 0],
    [0, 0, 1],
    [5, 1, 1],
  ])('%i verified and %i violations end with %i', (verified, violations, code) => {
    expect(exitCodeOf({ rotations: 1, verified, rolledBack: 0, violations, nodes: 8 })).toBe(code);
  });
});
