# Ruling 29 of the template language.
Feature: A child gets its input and gives its output

  Scenario: Without an input it gets the task's transformed input
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r29, version: 1.0.0 }
      do:
        - child: { run: { workflow: { namespace: test, name: other, version: 1.0.0 } }, input: { from: .data } }
      """
    And given the workflow input is:
      """yaml
      { data: { a: 1 } }
      """
    And child answers after PT5S:
      """yaml
      { done: true }
      """
    When the workflow is executed
    And the engine restarts
    Then the workflow should complete with output:
      """yaml
      { done: true }
      """
    And child should have been called with:
      """yaml
      { a: 1 }
      """

  Scenario: Its error comes up at the task
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r29, version: 1.0.0 }
      do:
        - tried: { try: [ { child: { run: { workflow: { namespace: test, name: other, version: latest, input: { a: 1 } } } } } ], catch: { do: [ { look: { set: { status: '${ $error.status }', at: '${ $error.instance }' } } } ] } }
      """
    And child fails with error:
      """yaml
      { type: 'https://example.com/broken', status: 418, title: Broken }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { status: 418, at: /do/0/tried/try/0/child }
      """

  Scenario: One that is not awaited gives the transformed input
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r29, version: 1.0.0 }
      do:
        - child: { run: { workflow: { namespace: test, name: other, version: 1.0.0 }, await: false }, input: { from: .data } }
      """
    And given the workflow input is:
      """yaml
      { data: { a: 1 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { a: 1 }
      """
    And child should have been called 1 times
