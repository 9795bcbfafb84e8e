# The words of a test that no ruling needs.
Feature: What is told of a run is true of it

  Scenario: Members of the output, and lists in it
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: words, version: 1.0.0 }
      do:
        - make: { set: { order: { lines: [ 1, 2, 3 ], by: mia } } }
      """
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have properties 'order', 'order.by'
    And the workflow output should have a 'order.by' property with value:
      """yaml
      mia
      """
    And the workflow output should have a 'order.lines' property containing 3 items
    And make should run first
    And make should complete with output:
      """yaml
      { order: { lines: [ 1, 2, 3 ], by: mia } }
      """

  Scenario: A task that faults, and one that is cancelled with its race
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: words, version: 1.0.0 }
      do:
        - race:
            fork:
              compete: true
              branches:
                - slow: { wait: PT1H }
                - quick: { wait: PT1S }
        - fall: { raise: { error: { type: 'https://example.com/gone', status: 410 } } }
      """
    When the workflow is executed
    Then the workflow should fault
    And race should run before fall
    And slow should cancel
    And fall should fault
    And fall should fault with error:
      """yaml
      { status: 410 }
      """

  Scenario: A step that waits for a person
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: words, version: 1.0.0 }
      do:
        - ask:
            call: price:1.0.0@default
            metadata: { windlass: { onExhausted: park } }
      """
    And ask fails with error:
      """yaml
      { type: runtime, status: 500 }
      """
    When the workflow is executed
    Then the workflow should park
