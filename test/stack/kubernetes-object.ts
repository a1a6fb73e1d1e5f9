import type {
  IPodMonitor,
  IServiceMonitor,
} from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import type { ICronJob } from 'kubernetes-models/batch/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IConfigMap, IPod, ISecret, IService } from 'kubernetes-models/v1';

/** The kinds that the examples and the pages use. The schemas of Kubernetes let unknown keys pass; these types, made of them, do not. */
export type KubernetesObject =
  | IConfigMap
  | ICronJob
  | IDeployment
  | IHorizontalPodAutoscaler
  | IPod
  | IPodDisruptionBudget
  | IPodMonitor
  | ISecret
  | IService
  | IServiceMonitor;
