# Ruling 12 of the template language.
Feature: A loop is sequential and carries its output on

  Scenario: Each iteration gets the output of the one before
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r12, version: 1.0.0 }
      do:
        - sum: { for: { in: .list }, do: [ { add: { set: { sum: '${ (.sum // 0) + $item }', at: '${ $index }' } } } ] }
      """
    And given the workflow input is:
      """yaml
      { list: [ 1, 2, 3 ] }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { sum: 6, at: 2 }
      """
    And add should have run 3 times

  Scenario: The list is evaluated once
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r12, version: 1.0.0 }
      do:
        - grow: { for: { in: .list }, do: [ { add: { set: { list: '${ .list + [ 0 ] }' } } } ] }
      """
    And given the workflow input is:
      """yaml
      { list: [ 1, 2 ] }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { list: [ 1, 2, 0, 0 ] }
      """

  Scenario: while is asked before the first iteration too, with the running output
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r12, version: 1.0.0 }
      do:
        - none: { for: { in: .list, each: x, at: i }, while: .go and $i < 5, do: [ { add: { set: { go: false } } } ] }
      """
    And given the workflow input is:
      """yaml
      { list: [ 1, 2 ], go: true }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { go: false }
      """
    And add should have run 1 times

  Scenario: An empty list gives the input
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r12, version: 1.0.0 }
      do:
        - none: { for: { in: .list }, do: [ { add: { set: { never: true } } } ] }
      """
    And given the workflow input is:
      """yaml
      { list: [] }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { list: [] }
      """
    And add should not have run

  Scenario: What is no list is an error
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r12, version: 1.0.0 }
      do:
        - wrong: { for: { in: .list }, do: [ { add: { set: { never: true } } } ] }
      """
    And given the workflow input is:
      """yaml
      { list: { a: 1 } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { type: https://serverlessworkflow.io/spec/1.0.0/errors/expression, status: 400, instance: /do/0/wrong }
      """
