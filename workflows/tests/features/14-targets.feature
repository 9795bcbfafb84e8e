# Ruling 14 of the template language.
Feature: A directive reaches tasks of its own list

  Scenario: An unknown target is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r14, version: 1.0.0 }
      do:
        - a: { set: { x: 1 }, then: b }
      """
    Then the workflow should be refused with 'flow.unknown_target'

  Scenario: A task of another list is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r14, version: 1.0.0 }
      do:
        - a: { do: [ { inner: { set: { x: 1 }, then: b } } ] }
        - b: { set: { x: 1 } }
      """
    Then the workflow should be refused with 'flow.unknown_target'

  Scenario: A name twice in one list is refused
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r14, version: 1.0.0 }
      do:
        - a: { set: { x: 1 } }
        - a: { set: { x: 2 } }
      """
    Then the workflow should be refused with 'flow.duplicate_name'

  Scenario: A task cannot be called like a directive
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r14, version: 1.0.0 }
      do:
        - end: { set: { x: 1 } }
      """
    Then the workflow should be refused with 'flow.reserved_name'

  Scenario: A jump goes back too
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r14, version: 1.0.0 }
      do:
        - count: { set: { n: '${ (.n // 0) + 1 }' } }
        - again: { switch: [ more: { when: .n < 3, then: count }, enough: { then: end } ] }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { n: 3 }
      """
    And count should have run 3 times
