/** `--require`d by an ES module application: patches the package `greeting`, as instrumentations patch what they trace. */
import {
  InstrumentationBase,
  InstrumentationNodeModuleDefinition,
  registerInstrumentations,
} from '@opentelemetry/instrumentation';

import { traceInstrumentations } from '../../../src/instrumentation/spans/tracing.js';

interface Greeting {
  greet: () => string;
}

class GreetingInstrumentation extends InstrumentationBase {
  constructor() {
    super('test', '1', {});
  }

  protected override init(): InstrumentationNodeModuleDefinition {
    return new InstrumentationNodeModuleDefinition('greeting', ['*'], (greeting: Greeting) => {
      const { greet } = greeting;
      greeting.greet = () => `${greet()}, patched`;
      return greeting;
    });
  }
}

registerInstrumentations({
  instrumentations: [...traceInstrumentations().instrumentations, new GreetingInstrumentation()],
});
