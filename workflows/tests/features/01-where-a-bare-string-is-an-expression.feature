# Ruling 1 of the template language.
Feature: Where a bare string is an expression

  Scenario: Conditions, shapes and lists are jq with and without the marks
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r01, version: 1.0.0 }
      do:
        - bare: { if: .go, input: { from: .data }, set: { n: '${ .n }' }, output: { as: .n }, export: { as: '{ n: . }' } }
        - marked: { if: '${ true }', set: { n: '${ $context.n + 1 }' }, output: { as: '${ .n }' } }
      """
    And given the workflow input is:
      """yaml
      { go: true, data: { n: 4 } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      5
      """

  Scenario: Loops and their conditions are jq too
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r01, version: 1.0.0 }
      do:
        - each: { for: { in: .list }, while: $item < 3, do: [ { keep: { set: { last: '${ $item }', list: '${ .list }' } } } ] }
      """
    And given the workflow input is:
      """yaml
      { list: [ 1, 2, 3, 4 ] }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { last: 2, list: [ 1, 2, 3, 4 ] }
      """

  Scenario: Everywhere else a bare string is itself
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r01, version: 1.0.0 }
      do:
        - say: { set: { text: .name, marked: ' ${ .name } ' } }
      """
    And given the workflow input is:
      """yaml
      { name: Ada }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { text: .name, marked: Ada }
      """
