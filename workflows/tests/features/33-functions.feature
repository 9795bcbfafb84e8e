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
