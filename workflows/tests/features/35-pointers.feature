# Ruling 35 of the template language.
Feature: A pointer follows the document

  Scenario: Through try and catch
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r35, version: 1.0.0 }
      do:
        - outer: { try: [ { inner: { raise: { error: { type: https://example.com/a, status: 500 } } } } ], catch: { do: [ { look: { set: { at: '${ $error.instance }', here: '${ $task.reference }' } } } ] } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { at: /do/0/outer/try/0/inner, here: /do/0/outer/catch/do/0/look }
      """

  Scenario: Through a loop, whose iterations are not in it
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r35, version: 1.0.0 }
      do:
        - before: { set: '${ . }' }
        - loop: { for: { in: .list }, do: [ { z: { set: { at: '${ $task.reference }' } } } ] }
      """
    And given the workflow input is:
      """yaml
      { list: [ 1, 2 ] }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { at: /do/1/loop/do/0/z }
      """

  Scenario: A name is escaped as JSON Pointer says
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r35, version: 1.0.0 }
      do:
        - a/b: { set: { at: '${ $task.reference }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { at: /do/0/a~1b }
      """
