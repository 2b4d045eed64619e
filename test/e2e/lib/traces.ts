// What the product may leave behind when it renews everything: the explicit list for the judge of the world's difference.
import type { Allowance } from './world.ts';

export const productTraces: readonly Allowance[] = [
  {
    what: /^[nw]\d:\/etc\/kubernetes\/pki\/(apiserver|apiserver-etcd-client|apiserver-kubelet-client|front-proxy-client|etcd\/server|etcd\/peer|etcd\/healthcheck-client|kubelet)\.(crt|key)$/,
    how: ['changed'],
    why: 'the pairs of the table',
  },
  {
    what: /^n\d:(\/etc\/kubernetes\/(admin|super-admin|controller-manager|scheduler)\.conf|\/root\/\.kube\/config)$/,
    how: ['changed'],
    why: 'the kubeconfigs of the table',
  },
  {
    what: /^[nw]\d:\/var\/lib\/kubelet\/pki\/(kubelet\.(crt|key)|kubelet-client-.*\.pem)$/,
    why: 'the kubelet’s certificates: a new dated pem, and the link to it',
  },
  {
    what: /^n\d:\/etc\/kubernetes\/manifests\/kube-(apiserver|controller-manager|scheduler)\.yaml$/,
    how: ['changed'],
    why: 'one annotation',
  },
  { what: /^[nw]\d:\/var\/lib\/cluster-cert-rotator(\/|$)/, why: 'the product’s own directory' },
  {
    what: /^api:pods\/kube-system\/kube-(apiserver|controller-manager|scheduler)-n\d$/,
    how: ['changed'],
    why: 'restarted by the annotation',
  },
  { what: /^api:[a-z.0-9]+\/cluster-cert-rotator\//, why: 'the private namespace' },
  {
    what: /^api:[a-z.0-9]+\/-\/[^/]*cluster-cert-rotator[^/]*$/,
    how: ['added'],
    why: 'cluster-scoped objects of the chart',
  },
  { what: /^api:namespaces\/-\/cpaas-system$/, how: ['added'], why: 'the release’s namespace' },
  {
    what: /^api:[a-z.0-9]+\/cpaas-system\/(node-local-certs-.*|kubernetes-ca|cluster-cert-rotator.*|cert-renew-checksums|frontend.*|sh\.helm\.release.*|default|kube-root-ca\.crt)$/,
    how: ['added'],
    why: 'what others read, and what a namespace comes with',
  },
  {
    what: /^api:ipaddresses\.networking\.k8s\.io\/-\//,
    how: ['added'],
    why: 'the ClusterIP of Service frontend',
  },
  {
    what: /^api:[a-z.0-9]+\/kube-system\/[^/]*cluster-cert-rotator[^/]*$/,
    how: ['added'],
    why: 'the controller’s reading rights there',
  },
  {
    what: /^api:roles?(bindings)?\.rbac\.authorization\.k8s\.io\/default\/cluster-cert-rotator-controller$/,
    how: ['added'],
    why: 'Events about objects without a namespace lie in default',
  },
  {
    what: /^api:customresourcedefinitions\.apiextensions\.k8s\.io\/-\/certificaterotations\.certrotator\.cpaas\.io$/,
    how: ['added'],
    why: 'the kind',
  },
  {
    what: /^api:apiservices\.apiregistration\.k8s\.io\/-\/v1alpha1\.certrotator\.cpaas\.io$/,
    how: ['added'],
    why: 'the kind’s group',
  },
  { what: /^api:certificaterotations\.certrotator\.cpaas\.io\//, why: 'plan and history' },
  {
    what: /^api:certificatesigningrequests\.certificates\.k8s\.io\//,
    why: 'requests, removed by Kubernetes after an hour',
  },
];
