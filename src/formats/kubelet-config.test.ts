import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { effectiveSettings, readKubeletConfiguration } from './kubelet-config.ts';
import { kubeletFlags, readEnvironmentFile, readUnit } from './kubelet-config-unit.ts';

const unit = {
  path: 'kubelet.service',
  text: '[Unit]\nDescription=kubelet\n[Service]\nExecStart=/usr/bin/kubelet\nRestart=always\n',
};
const dropIn = {
  path: '10-kubeadm.conf',
  text: `# Note: This dropin only works with kubeadm
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`,
};
const files: Readonly<Record<string, string>> = {
  '/var/lib/kubelet/kubeadm-flags.env': 'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1 --hostname-override=n1"\n',
  '/etc/default/kubelet':
    "KUBELET_EXTRA_ARGS='--tls-cert-file=/a b/kubelet.crt' --v=2\nKUBELET_EXTRA_ARGS=--cert-dir=/srv/pki\n",
};
const read = (path: string): string | undefined => files[path];

describe('the kubelet’s command line', () => {
  it('is read from kubeadm’s unit, its drop-in and the environment files', () => {
    expect(Object.fromEntries(kubeletFlags(readUnit([unit, dropIn]), read))).toEqual({
      'bootstrap-kubeconfig': '/etc/kubernetes/bootstrap-kubelet.conf',
      kubeconfig: '/etc/kubernetes/kubelet.conf',
      config: '/var/lib/kubelet/config.yaml',
      'node-ip': '10.0.0.1',
      'hostname-override': 'n1',
      'cert-dir': '/srv/pki',
    });
  });

  it.each([
    [
      'joined lines with a comment between',
      'ExecStart=/usr/bin/kubelet \\\n# a comment\n  --config=/c \\\n  --v=2',
      { config: '/c', v: '2' },
    ],
    [
      'a prefix and quotes',
      `ExecStart=-@/usr/bin/kubelet kubelet "--config=/a b" '--v'=3`,
      { config: '/a b', v: '3' },
    ],
    ['a variable in braces', 'Environment=DIR=/x\nExecStart=kubelet --config=${DIR}/c', { config: '/x/c' }],
    ['a missing variable', 'ExecStart=kubelet $NOTHING --v=1', { v: '1' }],
    [
      'a shell around it',
      `ExecStart=/bin/sh -c "exec kubelet --config=/c --v=1"`,
      { c: 'exec kubelet --config=/c --v=1', config: '/c', v: '1' },
    ],
    [
      'variables inside a shell',
      `Environment=CONFIG=--config=/c EXTRA="--cert-dir=/d --v=2"\nExecStart=/bin/sh -c 'exec kubelet $CONFIG $EXTRA'`,
      { c: 'exec kubelet $CONFIG $EXTRA', config: '/c', 'cert-dir': '/d', v: '2' },
    ],
    [
      'a braced variable inside a shell',
      `Environment=DIR=/d\nExecStart=/bin/sh -c 'kubelet --cert-dir=\${DIR} --v=1'`,
      { c: 'kubelet --cert-dir=/d --v=1', 'cert-dir': '/d', v: '1' },
    ],
    ['a reset environment', 'Environment=A=--v=1\nEnvironment=\nExecStart=kubelet $A', {}],
    ['nothing', '', {}],
  ])('with %s', (_, text, flags) => {
    const parsed = Object.fromEntries(
      kubeletFlags(readUnit([{ path: 'u', text: `[Service]\n${text}\n` }]), read),
    );
    expect({ ...parsed, ...('c' in flags ? { c: flags.c } : {}) }).toEqual(flags);
  });

  it('in CRLF and in another section is read as what it is', () => {
    const text = '[Install]\r\nExecStart=wrong --v=9\r\n[Service]\r\nExecStart=kubelet --v=1\r\n';
    expect(kubeletFlags(readUnit([{ path: 'u', text }]), read)).toEqual(new Map([['v', '1']]));
  });

  it('out of any text gives flags, never an error', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, environment) => {
        expect(
          kubeletFlags(readUnit([{ path: 'u', text: `[Service]\n${text}` }]), () => environment),
        ).toBeInstanceOf(Map);
        expect(readEnvironmentFile(environment)).toBeInstanceOf(Map);
      }),
    );
  });
});

describe('the kubelet’s settings', () => {
  const none = new Map<string, string>();
  it('are the kubelet’s own defaults when nothing is said', () => {
    expect(effectiveSettings(none, [])).toEqual({
      configPath: undefined,
      kubeconfigPath: undefined,
      bootstrapKubeconfigPath: undefined,
      certDirectory: '/var/lib/kubelet/pki',
      tlsCertFile: undefined,
      tlsPrivateKeyFile: undefined,
      staticPodPath: undefined,
      rotateCertificates: false,
      serverTLSBootstrap: false,
      clientCAFile: undefined,
      address: '0.0.0.0',
      port: 10_250,
    });
  });

  it('take flags over drop-ins over the file', () => {
    const base = readKubeletConfiguration(
      'kind: KubeletConfiguration\nstaticPodPath: /etc/kubernetes/manifests\nrotateCertificates: true\ntlsCertFile: /a\nport: 10251\nauthentication: {x509: {clientCAFile: /ca}}\n',
      'c',
    );
    const dropIn = readKubeletConfiguration('staticPodPath: null\ntlsCertFile: /b\n', 'd');
    const settings = effectiveSettings(
      new Map([
        ['tls-cert-file', '/c'],
        ['rotate-certificates', 'false'],
      ]),
      [base, dropIn],
    );
    expect(settings).toMatchObject({
      staticPodPath: undefined,
      rotateCertificates: false,
      tlsCertFile: '/c',
      port: 10_251,
      clientCAFile: '/ca',
    });
    expect(effectiveSettings(none, [base, dropIn]).tlsCertFile).toBe('/b');
    expect(effectiveSettings(none, [base, {}]).staticPodPath).toBe('/etc/kubernetes/manifests');
  });

  it('of any text are read or refused by a CertError', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(outcome(text)).toBe('fine');
      }),
    );
  });
});

function outcome(text: string): unknown {
  try {
    effectiveSettings(new Map(), [readKubeletConfiguration(text, 'c')]);
    return 'fine';
  } catch (error) {
    return error instanceof CertError ? 'fine' : error;
  }
}
