import type { Settings } from '../config/settings.js';
import { Exposition } from '../prometheus/exposition.js';
import type { Warn } from '../warnings.js';

/** The exposition that the settings ask for. */
export function openExposition(settings: Settings, warn: Warn): Exposition {
  return new Exposition({
    translationStrategy: settings.translationStrategy,
    scopeInfo: settings.scopeInfo,
    targetInfo: settings.targetInfo,
    createdSeries: settings.createdSeries,
    warn,
  });
}
