# Ruling 33 of the template language.
Feature: A function gets its arguments as its whole input

  Scenario: Its own shapes apply, then the caller's
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r33, version: 1.0.0 }
      use:
        functions:
          double: { call: 'work:1.0.0@default', with: { n: '${ .n }' }, input: { from: '. + { n: .n * 2 }' }, output: { as: '{ inner: . }' } }
      do:
        - ask: { call: double, with: { n: '${ .x }' }, output: { as: '{ outer: . }' } }
      """
    And ask answers:
      """yaml
      { ok: true }
      """
    And given the workflow input is:
      """yaml
      { x: 3, hidden: true }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { outer: { inner: { ok: true } } }
      """
    And ask should have been called with:
      """yaml
      { n: 6 }
      """

  Scenario: then and export inside a function are refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r33, version: 1.0.0 }
      use: { functions: { bad: { set: { x: 1 }, export: { as: . } } } }
      do: []
      """
    Then the workflow should be refused with 'function.export'

  Scenario: A function that calls itself is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r33, version: 1.0.0 }
      use: { functions: { a: { call: b }, b: { call: a } } }
      do: []
      """
    Then the workflow should be refused with 'reference.recursion'

  Scenario: An unknown function is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r33, version: 1.0.0 }
      do:
        - ask: { call: nobody }
      """
    Then the workflow should be refused with 'reference.unknown_function'

  Scenario: A function may be any task, with its arguments as that task's raw input
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r33, version: 1.0.0 }
      use: { functions: { double: { set: { d: '${ .n * 2 }', sees: '${ $input }' } } } }
      do:
        - a: { call: double, with: { n: 1 } }
        - b: { call: double, with: { n: '${ .d }' }, output: { as: '. + { outer: true }' } }
      """
    And given the workflow input is:
      """yaml
      { hidden: true }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { d: 4, sees: { n: 2 }, outer: true }
      """

  Scenario: A function of several tasks keeps its place at each call when the engine restarts
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r33, version: 1.0.0 }
      use:
        functions:
          twice:
            input: { from: '{ m: .n }' }
            do:
              - rest: { wait: PT1S }
              - ask: { call: inner, with: { n: '${ .m }' } }
            output: { as: '{ n: .n }' }
            timeout: { after: PT1M }
          inner: { try: [ { work: { call: 'work:1.0.0@default', with: { n: '${ .n }' } } } ], catch: { retry: { delay: PT2S, limit: { attempt: { count: 1 } } } } }
      do:
        - one: { call: twice, with: { n: 1 } }
        - two: { call: twice, with: { n: '${ .n }' } }
      """
    And work fails with error:
      """yaml
      { type: communication, status: 503 }
      """
    And work answers:
      """yaml
      { n: 5 }
      """
    When the workflow is executed
    And the engine restarts
    Then the workflow should complete with output:
      """yaml
      { n: 5 }
      """
    And the workflow should take PT4S
    And work should have been called 3 times

  Scenario: An error says which task of the function raised it
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r33, version: 1.0.0 }
      use: { functions: { strict: { do: [ { no: { raise: { error: { type: 'https://x.example/no', status: 409 } } } } ] } } }
      do:
        - first: { try: [ { a: { call: strict } } ], catch: { do: [ { keep: { set: { at: '${ $error.instance }' } } } ] } }
        - last: { call: strict }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { status: 409, instance: /use/functions/strict/do/0/no }
      """
    And keep should complete with output:
      """yaml
      { at: /use/functions/strict/do/0/no }
      """

  Scenario: if inside a function skips its task
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r33, version: 1.0.0 }
      use: { functions: { perhaps: { if: .wanted, call: 'work:1.0.0@default', with: { n: 1 } } } }
      do:
        - ask: { call: perhaps, with: { wanted: false } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { wanted: false }
      """

  Scenario: What reaches out of a function is refused at every depth
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r33, version: 1.0.0 }
      use: { functions: { bad: { do: [ { inner: { set: { x: 1 }, then: end } } ] } } }
      do: [ { a: { call: bad } } ]
      """
    Then the workflow should be refused with 'function.then'

  Scenario: What undoes a step is one call
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r33, version: 1.0.0 }
      use: { functions: { b: { set: { x: 1 } } } }
      do:
        - q: { call: 'work:1.0.0@default', with: {}, metadata: { windlass: { undo: { call: b, with: {} } } } }
      """
    Then the workflow should be refused with 'function.not_a_call'

  Scenario: A function that calls itself from inside of its task is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r33, version: 1.0.0 }
      use: { functions: { a: { do: [ { deep: { for: { in: '[ 1 ]' }, do: [ { again: { call: a } } ] } } ] } } }
      do: []
      """
    Then the workflow should be refused with 'reference.recursion'
