# Ruling 13 of the template language.
Feature: exit leaves its list, end ends the run

  Scenario: exit in a loop ends the iteration
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r13, version: 1.0.0 }
      do:
        - each:
            for: { in: .list }
            do:
              - odd: { switch: [ leave: { when: $item % 2 == 1, then: exit }, stay: { then: continue } ] }
              - even: { set: { list: '${ .list }', even: '${ (.even // []) + [ $item ] }' } }
      """
    And given the workflow input is:
      """yaml
      { list: [ 1, 2, 3, 4 ] }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { list: [ 1, 2, 3, 4 ], even: [ 2, 4 ] }
      """
    And odd should have run 4 times
    And even should have run 2 times

  Scenario: exit in a try lets the try succeed
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r13, version: 1.0.0 }
      do:
        - tried: { try: [ { leave: { set: { left: true }, then: exit } }, { never: { set: { never: true } } } ], catch: { do: [ { caught: { set: { caught: true } } } ] } }
        - after: { set: { before: '${ . }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { before: { left: true } }
      """
    And never should not have run
    And caught should not have run

  Scenario: exit at the top completes the run
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r13, version: 1.0.0 }
      do:
        - leave: { set: { left: true }, then: exit }
        - never: { set: { never: true } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { left: true }
      """

  Scenario: end runs the shapes of the tasks around it on the way out
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r13, version: 1.0.0 }
      output: { as: '. + { whole: true }' }
      do:
        - outer: { do: [ { inner: { set: { x: 1 }, then: end } }, { never: { set: { never: true } } } ], output: { as: '. + { outer: true }' }, export: { as: . } }
        - after: { set: { after: true } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { x: 1, outer: true, whole: true }
      """
    And after should not have run
